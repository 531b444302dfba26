"""Every table and view of a release: the star, the views on it, and the operational tables of schema `ops`."""

from schemas import star_tables as star
from schemas.declarations import Table
from schemas.ops_tables import OPS_TABLES
from schemas.views import VIEWS

CONTRACT_VERSION = 2
"""Raise it when a column goes, or changes its type or its meaning."""

BASE_TABLES: tuple[Table, ...] = (
    star.DIM_ARTICLE,
    star.DIM_PROVIDER,
    star.DIM_TOPIC,
    star.DIM_IMAGE,
    star.DIM_DATE,
    star.DIM_DOCUMENT,
    star.FACT_ARTICLE,
    star.FACT_MENTION,
    star.BRIDGE_ARTICLE_TOPIC,
    star.BRIDGE_ARTICLE_IMAGE,
    star.ARTICLE_URL,
    star.ARTICLE_HISTORY,
    star.MENTION_HISTORY,
    star.ARTICLE_CONFLICT,
)

ALL_TABLES: tuple[Table, ...] = BASE_TABLES + VIEWS + OPS_TABLES
