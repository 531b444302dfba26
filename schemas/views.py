"""The views of a release: answers to first questions without a join.

Every view states its grain; its SQL uses left joins, so that an unknown provider or date drops no row, and a test
proves that none fans out. `primary_key` of a view is what must be unique in it.
"""

from schemas.declarations import Table, optional, required

ARTICLES = Table(
    "articles",
    "view",
    "article",
    "The flat table to point a BI tool at first: dim_article, fact_article, provider and date in one.",
    (
        required("article_key", "BIGINT", "The article."),
        required("url_key", "VARCHAR", "Normalised URL, the natural key."),
        required("url", "VARCHAR", "Web address to show."),
        optional("title", "VARCHAR", "Headline."),
        optional("excerpt", "VARCHAR", "Teaser text."),
        optional("category", "VARCHAR", "Publisher's category. NULL for mere mentions."),
        optional("content_type", "VARCHAR", "Publisher's type, such as article or video."),
        optional("provider_name", "VARCHAR", "Name of the provider. NULL where unknown."),
        optional("provider_domain", "VARCHAR", "Domain of the provider. NULL where unknown."),
        optional("topics", "VARCHAR", "Topics in alphabetical order, joined by `, `. NULL where none."),
        optional("image_url", "VARCHAR", "Its first image. NULL where none."),
        optional("published_at", "TIMESTAMP", "Earliest publication time given.", "UTC"),
        optional("published_date", "DATE", "Day of published_at."),
        optional("quality", "BIGINT", "Publisher's quality score, 0 and up. NULL where not rated.", "points"),
        optional("heat", "BIGINT", "Publisher's popularity score, 0 and up. NULL where not rated.", "points"),
        optional("is_published", "BOOLEAN", "Publisher's flag. NULL where not given."),
        required("is_root", "BOOLEAN", "True where the article has a document of its own."),
        required("is_withdrawn", "BOOLEAN", "True where its document says that it was removed."),
        required("is_current", "BOOLEAN", "True while a current document version mentions it."),
        required("image_count", "BIGINT", "Images.", "images"),
        required("topic_count", "BIGINT", "Topics.", "topics"),
        required("related_count", "BIGINT", "Distinct other articles that its documents list.", "articles"),
        required("mention_count", "BIGINT", "Current mentions of it.", "mentions"),
        required("cited_by_count", "BIGINT", "Distinct documents of other articles that list it.", "documents"),
        required("first_seen_at", "TIMESTAMP", "As-of of the first event that mentioned it.", "UTC"),
        optional("last_seen_at", "TIMESTAMP", "As-of at which it left. NULL: still there.", "UTC"),
    ),
    ("article_key",),
)

RELATED_ARTICLES = Table(
    "related_articles",
    "view",
    "edge: a document's root article, another article that its related list holds, and the document",
    "The network of related articles; an article listed twice in one list is one edge, at its first place.",
    (
        required("document_key", "BIGINT", "The document that draws the edge."),
        required("article_key", "BIGINT", "The root article."),
        required("related_article_key", "BIGINT", "The article that it lists."),
        required("position", "INTEGER", "First place in the list."),
        optional("title", "VARCHAR", "Title of the root article."),
        optional("related_title", "VARCHAR", "Title of the listed article."),
        optional("provider_domain", "VARCHAR", "Provider of the root article."),
        optional("related_provider_domain", "VARCHAR", "Provider of the listed article."),
        optional("published_at", "TIMESTAMP", "Publication of the root article.", "UTC"),
        optional("related_published_at", "TIMESTAMP", "Publication of the listed article.", "UTC"),
        optional("days_between", "DOUBLE", "Listed article's publication minus the root's; negative: earlier.", "days"),
    ),
    ("document_key", "related_article_key"),
)

PROVIDER_SUMMARY = Table(
    "provider_summary",
    "view",
    "provider",
    "How much a provider has, how good it is rated and how often others list it.",
    (
        required("provider_key", "BIGINT", "The provider."),
        required("domain", "VARCHAR", "Its domain."),
        optional("name", "VARCHAR", "Its name."),
        required("article_count", "BIGINT", "Articles of it, departed ones included.", "articles"),
        required("root_count", "BIGINT", "Of these, articles with a document of their own.", "articles"),
        required("mention_count", "BIGINT", "Current mentions of its articles.", "mentions"),
        required("cited_by_count", "BIGINT", "Sum of cited_by_count of its articles.", "citations"),
        optional("average_quality", "DOUBLE", "Mean quality of its rated articles. NULL: none rated.", "points"),
        optional("average_heat", "DOUBLE", "Mean heat of its rated articles. NULL: none rated.", "points"),
        optional("first_published_at", "TIMESTAMP", "Its earliest article.", "UTC"),
        optional("last_published_at", "TIMESTAMP", "Its latest article.", "UTC"),
    ),
    ("provider_key",),
)

TOPIC_DAILY = Table(
    "topic_daily",
    "view",
    "topic and publication day (NULL day: unknown)",
    "Coverage of topics over time.",
    (
        required("topic", "VARCHAR", "The topic."),
        optional("date", "DATE", "Day of publication. NULL: unknown."),
        required("article_count", "BIGINT", "Articles of that topic and day.", "articles"),
        optional("average_quality", "DOUBLE", "Mean quality of the rated ones. NULL: none rated.", "points"),
        optional("average_heat", "DOUBLE", "Mean heat of the rated ones. NULL: none rated.", "points"),
    ),
    ("topic", "date"),
)

MATCH_CANDIDATE = Table(
    "match_candidate",
    "view",
    "pair of articles that a looser URL key would join (the smaller article_key first)",
    "For people to judge, never merged: mobile and AMP hosts, AMP paths, index pages, path case, ambiguous parameters.",
    (
        required("article_key", "BIGINT", "One article."),
        required("other_article_key", "BIGINT", "The other."),
        required("loose_key", "VARCHAR", "The looser key that both have (the smallest, where several)."),
        required("url", "VARCHAR", "Address of the one."),
        required("other_url", "VARCHAR", "Address of the other."),
        optional("title", "VARCHAR", "Title of the one."),
        optional("other_title", "VARCHAR", "Title of the other."),
        optional("provider_domain", "VARCHAR", "Provider of the one."),
        optional("other_provider_domain", "VARCHAR", "Provider of the other."),
        optional("days_between", "DOUBLE", "Publication of the other minus that of the one.", "days"),
    ),
    ("article_key", "other_article_key"),
)

VIEWS: tuple[Table, ...] = (ARTICLES, RELATED_ARTICLES, PROVIDER_SUMMARY, TOPIC_DAILY, MATCH_CANDIDATE)
