"""The views of a release: answers to first questions without a join.

Every view states its grain; its SQL uses left joins, so that an unknown provider or date drops no row, and a test
proves that none fans out. `primary_key` of a view is what must be unique in it.
"""

from schemas.declarations import ForeignKey, Table, optional, required

_ARTICLE = ForeignKey("article_key", "dim_article", "article_key")

ARTICLES = Table(
    "articles",
    "view",
    "article",
    "The flat table to point a BI tool at first: dim_article, fact_article, provider and date in one.",
    (
        required("article_key", "BIGINT", "The article; joins every other article_key."),
        required("url_key", "VARCHAR", "Natural key: its normalised URL, such as `example.com/news/1`."),
        required("url", "VARCHAR", "Web address to show and open, without trackers."),
        optional("title", "VARCHAR", "Headline. NULL where no mention has one."),
        optional("excerpt", "VARCHAR", "Teaser text. NULL where no mention has a real one."),
        optional("category", "VARCHAR", "Publisher's category. NULL where not given, as for most without a document."),
        optional("content_type", "VARCHAR", "Publisher's type, such as article or video. NULL where not given."),
        optional("provider_name", "VARCHAR", "Name of the provider. NULL where the provider or its name is unknown."),
        optional(
            "provider_domain", "VARCHAR", "Domain of the provider, lower case, without `www.`. NULL where unknown."
        ),
        optional(
            "topics",
            "VARCHAR",
            "Topics in alphabetical order, joined by `, `; to count by topic use topic_daily. NULL where none.",
        ),
        optional("image_url", "VARCHAR", "Address of its first image. NULL where none."),
        optional("published_at", "TIMESTAMP", "Earliest publication time given. NULL where unknown.", "UTC"),
        optional("published_date", "DATE", "Day of published_at, in UTC. NULL where unknown."),
        optional("quality", "BIGINT", "Publisher's quality score, 0 and up. NULL where not rated.", "points"),
        optional(
            "heat", "BIGINT", "Publisher's popularity score, 0 and up. NULL where not rated, as for most.", "points"
        ),
        optional("is_published", "BOOLEAN", "Publisher's `published` flag. NULL where not given."),
        required("is_root", "BOOLEAN", "True where the article has a document of its own."),
        required("is_withdrawn", "BOOLEAN", "True where a document of its own says `removed: true`."),
        required("is_current", "BOOLEAN", "True while a current document version mentions it."),
        required("image_count", "INTEGER", "Images it has.", "images"),
        required("topic_count", "INTEGER", "Topics it has.", "topics"),
        required(
            "related_count",
            "INTEGER",
            "Distinct other articles that its own documents list as related; 0 without a document.",
            "articles",
        ),
        required(
            "mention_count", "INTEGER", "Current mentions of it, as root or related; 0 once it has left.", "mentions"
        ),
        required(
            "cited_by_count", "INTEGER", "Distinct documents of other articles that list it as related.", "documents"
        ),
        required("first_seen_at", "TIMESTAMP", "As-of of the first run whose documents mentioned it.", "UTC"),
        optional(
            "last_seen_at",
            "TIMESTAMP",
            "As-of of the run in which it left the documents. NULL: still mentioned.",
            "UTC",
        ),
    ),
    ("article_key",),
    (_ARTICLE,),
)

RELATED_ARTICLES = Table(
    "related_articles",
    "view",
    "edge: a document's root article, another article that its related list holds, and the document",
    "The network of related articles; an article listed twice in one list is one edge, at its first place.",
    (
        required("document_key", "BIGINT", "The document that draws the edge; joins dim_document."),
        required(
            "article_key", "BIGINT", "The document's own (root) article, from which the edge goes; joins dim_article."
        ),
        required(
            "related_article_key", "BIGINT", "The article that it lists, to which the edge goes; joins dim_article."
        ),
        required("position", "INTEGER", "Its first place in the list, 1-based."),
        optional("title", "VARCHAR", "Title of the root article. NULL where unknown."),
        optional("related_title", "VARCHAR", "Title of the listed article. NULL where unknown."),
        optional("provider_domain", "VARCHAR", "Provider of the root article. NULL where unknown."),
        optional("related_provider_domain", "VARCHAR", "Provider of the listed article. NULL where unknown."),
        optional("published_at", "TIMESTAMP", "Publication of the root article. NULL where unknown.", "UTC"),
        optional("related_published_at", "TIMESTAMP", "Publication of the listed article. NULL where unknown.", "UTC"),
        optional(
            "days_between",
            "DOUBLE",
            "Listed article's publication minus the root's; negative: earlier. NULL where either is unknown.",
            "days",
        ),
    ),
    ("document_key", "related_article_key"),
    (
        ForeignKey("document_key", "dim_document", "document_key"),
        _ARTICLE,
        ForeignKey("related_article_key", "dim_article", "article_key"),
    ),
)

PROVIDER_SUMMARY = Table(
    "provider_summary",
    "view",
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
        optional(
            "first_published_at",
            "TIMESTAMP",
            "Publication of its earliest article. NULL where no time is known.",
            "UTC",
        ),
        optional(
            "last_published_at", "TIMESTAMP", "Publication of its latest article. NULL where no time is known.", "UTC"
        ),
    ),
    ("provider_key",),
    (ForeignKey("provider_key", "dim_provider", "provider_key"),),
)

TOPIC_DAILY = Table(
    "topic_daily",
    "view",
    "topic and publication day (NULL day: unknown)",
    "Coverage of topics over time.",
    (
        required("topic", "VARCHAR", "The topic, in the publisher's spelling."),
        optional("date", "DATE", "Day of publication, in UTC. NULL: the articles whose publication is unknown."),
        required(
            "article_count",
            "INTEGER",
            "Articles of that topic and day, departed ones included; one with two topics counts under both.",
            "articles",
        ),
        optional("average_quality", "DOUBLE", "Mean quality of the rated ones. NULL: none rated.", "points"),
        optional("average_heat", "DOUBLE", "Mean heat of the rated ones. NULL: none rated.", "points"),
    ),
    ("topic", "date"),
    (
        ForeignKey("topic", "dim_topic", "topic"),
        ForeignKey("date", "dim_date", "date"),
    ),
)

MATCH_CANDIDATE = Table(
    "match_candidate",
    "view",
    "pair of articles that may be one story (the smaller article_key first)",
    "For people to judge, never merged: one address but for mobile and AMP forms, index pages, case, ambiguous "
    "parameters or escapes; one content id within a domain, under another slug, section or edition; one title and an "
    "alias that does not join them. What more than eight articles share is left out.",
    (
        required("article_key", "BIGINT", "One article; joins dim_article."),
        required("other_article_key", "BIGINT", "The other; joins dim_article."),
        required(
            "loose_key", "VARCHAR", "What both have: a looser key, a domain and content id, or an alias; see reason."
        ),
        required("url", "VARCHAR", "Address of the one."),
        required("other_url", "VARCHAR", "Address of the other."),
        optional("title", "VARCHAR", "Title of the one. NULL where unknown."),
        optional("other_title", "VARCHAR", "Title of the other. NULL where unknown."),
        optional("provider_domain", "VARCHAR", "Provider of the one. NULL where unknown."),
        optional("other_provider_domain", "VARCHAR", "Provider of the other. NULL where unknown."),
        optional(
            "days_between",
            "DOUBLE",
            "Publication of the other minus that of the one. NULL where either is unknown.",
            "days",
        ),
        required("reason", "VARCHAR", "Why the two may be one story, in words."),
    ),
    ("article_key", "other_article_key"),
    (
        _ARTICLE,
        ForeignKey("other_article_key", "dim_article", "article_key"),
    ),
)

VIEWS: tuple[Table, ...] = (ARTICLES, RELATED_ARTICLES, PROVIDER_SUMMARY, TOPIC_DAILY, MATCH_CANDIDATE)
