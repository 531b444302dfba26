"""Every table of a release: the views, which answer first questions without a join, and the lists of all.

Every view states its grain; its SQL uses left joins, so that an unknown provider or date drops no row, and a test
proves that none fans out. `primary_key` of a view is what must be unique in it.
"""

from schemas import star_tables as star
from schemas.declarations import ForeignKey, optional, required, tables_in, view
from schemas.ops_tables import OPS_TABLES

CONTRACT_VERSION = 2
"""Raise it when a column goes, or changes its type or its meaning."""

ARTICLES = view(
    "articles",
    "article",
    "The flat table to point a BI tool at first: dim_article, fact_article, provider and date in one.",
    (
        *star.DIM_ARTICLE.take("article_key", "url_key", "url", "title", "excerpt", "category", "content_type"),
        optional("provider_name", "VARCHAR", "Name of the provider. NULL where the provider or its name is unknown."),
        optional("provider_domain", "VARCHAR", "Domain of the provider, lower case, no `www.`. NULL where unknown."),
        optional("topics", "VARCHAR", "Topics in alphabetical order, joined by `, `. NULL where none."),
        optional("image_url", "VARCHAR", "Address of its first image. NULL where none."),
        *star.FACT_ARTICLE.take("published_at"),
        optional("published_date", "DATE", "Day of published_at, in UTC. NULL where unknown."),
        *star.FACT_ARTICLE.take("quality", "heat", "is_published"),
        *star.DIM_ARTICLE.take("is_root", "is_withdrawn"),
        required("is_current", "BOOLEAN", "True while a current document version mentions it."),
        *star.FACT_ARTICLE.take("image_count", "topic_count", "related_count", "mention_count", "cited_by_count"),
        *star.DIM_ARTICLE.take("first_seen_at", "last_seen_at"),
    ),
    ("article_key",),
)

RELATED_ARTICLES = view(
    "related_articles",
    "edge: a document's root article, another article that its related list holds, and the document",
    "The network of related articles; an article listed twice in one list is one edge, at its first place.",
    (
        required("document_key", "BIGINT", "The document that draws the edge; joins dim_document."),
        required("article_key", "BIGINT", "The document's own article, where the edge begins; joins dim_article."),
        required("related_article_key", "BIGINT", "The article that it lists, where the edge ends; joins dim_article."),
        required("position", "INTEGER", "Its first place in the list, 1-based."),
        optional("title", "VARCHAR", "Title of the root article. NULL where unknown."),
        optional("related_title", "VARCHAR", "Title of the listed article. NULL where unknown."),
        optional("provider_domain", "VARCHAR", "Provider of the root article. NULL where unknown."),
        optional("related_provider_domain", "VARCHAR", "Provider of the listed article. NULL where unknown."),
        optional("published_at", "TIMESTAMP", "Publication of the root article. NULL where unknown."),
        optional("related_published_at", "TIMESTAMP", "Publication of the listed article. NULL where unknown."),
        optional("days_between", "DOUBLE", "Publication of the listed minus that of the root. NULL: unknown.", "days"),
    ),
    ("document_key", "related_article_key"),
)

PROVIDER_SUMMARY = view(
    "provider_summary",
    "provider",
    "How much a provider has, how good it is rated and how often others list it.",
    (
        required("provider_key", "BIGINT", "The provider; joins dim_provider."),
        required("domain", "VARCHAR", "Its domain, lower case, without `www.`."),
        optional("name", "VARCHAR", "Its name. NULL where never given."),
        required("article_count", "INTEGER", "Articles of it, departed ones included.", "articles"),
        required("root_count", "INTEGER", "Of these, articles with a document of their own.", "articles"),
        required("mention_count", "INTEGER", "Current mentions of its articles.", "mentions"),
        required("cited_by_count", "INTEGER", "Sum of cited_by_count of its articles.", "citations"),
        optional("average_quality", "DOUBLE", "Mean quality of its rated articles. NULL: none rated.", "points"),
        optional("average_heat", "DOUBLE", "Mean heat of its rated articles. NULL: none rated.", "points"),
        optional("first_published_at", "TIMESTAMP", "Publication of its earliest article. NULL: no time is known."),
        optional("last_published_at", "TIMESTAMP", "Publication of its latest article. NULL: no time is known."),
    ),
    ("provider_key",),
)

TOPIC_DAILY = view(
    "topic_daily",
    "topic and publication day (NULL day: unknown)",
    "Coverage of topics over time.",
    (
        required("topic", "VARCHAR", "The topic, in the publisher's spelling."),
        optional("date", "DATE", "Day of publication, in UTC. NULL: the articles whose publication is unknown."),
        required("article_count", "INTEGER", "Its articles; one with two topics counts under both.", "articles"),
        optional("average_quality", "DOUBLE", "Mean quality of the rated ones. NULL: none rated.", "points"),
        optional("average_heat", "DOUBLE", "Mean heat of the rated ones. NULL: none rated.", "points"),
    ),
    ("topic", "date"),
    (
        ForeignKey("topic", "dim_topic", "topic"),
        ForeignKey("date", "dim_date", "date"),
    ),
)

MATCH_CANDIDATE = view(
    "match_candidate",
    "pair of articles that may be one story (the smaller article_key first)",
    "For people to judge, never merged: one address but for mobile and AMP forms, index pages, case, ambiguous "
    "parameters or escapes; one content id within a domain, under another slug, section or edition; one title and an "
    "alias that does not join them. What more than eight articles share is left out.",
    (
        required("article_key", "BIGINT", "One article; joins dim_article."),
        required("other_article_key", "BIGINT", "The other; joins dim_article."),
        required("loose_key", "VARCHAR", "A looser key, a domain and content id, or an alias that both have."),
        required("url", "VARCHAR", "Address of the one."),
        required("other_url", "VARCHAR", "Address of the other."),
        optional("title", "VARCHAR", "Title of the one. NULL where unknown."),
        optional("other_title", "VARCHAR", "Title of the other. NULL where unknown."),
        optional("provider_domain", "VARCHAR", "Provider of the one. NULL where unknown."),
        optional("other_provider_domain", "VARCHAR", "Provider of the other. NULL where unknown."),
        optional("days_between", "DOUBLE", "Publication of the other minus that of the one. NULL: unknown.", "days"),
        required("reason", "VARCHAR", "Why the two may be one story, in words."),
    ),
    ("article_key", "other_article_key"),
)

VIEWS = tables_in(globals())

BASE_TABLES = star.BASE_TABLES

ALL_TABLES = BASE_TABLES + VIEWS + OPS_TABLES
