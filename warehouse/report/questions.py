"""What the report asks a release: the SQL files in sql/report and a few recipes of the cookbook, each once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from warehouse.db import Limits, release_connection
from warehouse.queries.recipes import recipe_sql
from warehouse.sql_files import read_sql

# Values as DuckDB gives them; each table of the page knows its own columns.
Row = Mapping[str, Any]
Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that the page shows of a release, in rows; the names are those of the SQL files."""

    release: Row
    freshness: Row
    runs: Rows
    coverage: Rows
    topics: Rows
    providers: Rows
    quality: Rows
    score_movement: Rows
    movers: Rows
    changes: Rows
    network_articles: Rows
    network_edges: Rows
    network_totals: Row
    quarantine: Rows
    conflicts: Rows


def ask(release: Path) -> Answers:
    """Return the answers of a release. Raises RunFailed where it is absent or damaged."""
    with release_connection(release, sandboxed=True, limits=Limits(threads=2)) as connection:
        (told,) = _rows(connection, "from ops.release")
        network_articles = _rows(connection, read_sql("report", "network_articles"))
        drawn = {"article_keys": [row["article_key"] for row in network_articles]}
        return Answers(
            release=told,
            freshness=_rows(connection, recipe_sql("freshness"))[0],
            runs=_rows(connection, read_sql("report", "runs")),
            coverage=_rows(connection, read_sql("report", "coverage")),
            topics=_rows(connection, read_sql("report", "topics")),
            providers=_rows(connection, read_sql("report", "providers")),
            quality=_rows(connection, read_sql("report", "quality")),
            score_movement=_rows(connection, read_sql("report", "score_movement")),
            movers=_rows(connection, recipe_sql("score_movement")),
            # A release of contract version 1 does not say what changed.
            changes=_rows(connection, recipe_sql("changed_since_last_release")) if _is_compared(told) else [],
            network_articles=network_articles,
            network_edges=_rows(connection, read_sql("report", "network_edges"), drawn),
            network_totals=_rows(connection, read_sql("report", "network_totals"))[0],
            quarantine=_rows(connection, read_sql("report", "quarantine")),
            conflicts=_rows(connection, recipe_sql("conflicts_by_field")),
        )


def _is_compared(release: Row) -> bool:
    return release.get("previous_release_id") is not None


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, Any] | None = None) -> Rows:
    result = connection.execute(sql, None if parameters is None else dict(parameters))
    names = [str(column[0]) for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
