"""Every table and view of a release, declared once (DESIGN section 4).

DDL, COMMENT ON, the data dictionary and the key audits are rendered from here; a test describes each hand-written
transform against its declaration. Tables follow Kimball's terms: dimensions, facts, bridges for many-to-many, a type 2
history. The operational tables of schema `ops` are declared in ops_tables.py, the views in views.py.
"""

from schemas.declarations import ForeignKey, Table, optional, required
from schemas.ops_tables import OPS_TABLES
from schemas.views import VIEWS

CONTRACT_VERSION = 1

_ARTICLE = ForeignKey("article_key", "dim_article", "article_key")
_PROVIDER = ForeignKey("provider_key", "dim_provider", "provider_key")
_PUBLISHED_DATE = ForeignKey("published_date_key", "dim_date", "date_key")

DIM_ARTICLE = Table(
    "dim_article",
    "dimension",
    "article",
    "Every article that any version of any document mentions. Values are those of the best-ranked mention in the "
    "current document versions; of an article that left them, those of the last versions that mentioned it.",
    (
        required("article_key", "BIGINT", "Surrogate key: a hash of url_key, the same in every build."),
        required("url", "VARCHAR", "Web address to show: without trackers, not an AMP form where another is known."),
        required("url_key", "VARCHAR", "Natural key: the smallest normalised URL that identifies the article."),
        optional("title", "VARCHAR", "Headline. NULL where no mention has one that is not blank."),
        optional("excerpt", "VARCHAR", "Teaser text. NULL where no mention has a real one (`NA` is not an excerpt)."),
        optional("category", "VARCHAR", "Publisher's category, given by own documents. NULL for mere mentions."),
        optional("content_type", "VARCHAR", "Publisher's `type`, such as article or video. NULL where not given."),
        optional("locale", "VARCHAR", "Publisher's language or region tag. NULL where not given."),
        optional("authors", "VARCHAR", "Names in `provider.authors`, joined by `; `. NULL where not given."),
        optional("featured_content", "VARCHAR", "Publisher's embed code, as HTML: escape it. NULL where not given."),
        optional("updated_at", "TIMESTAMP", "Publisher's updatedDateTime. NULL where not given.", "UTC"),
        required("is_root", "BOOLEAN", "True where a document of its own speaks of the article."),
        required("is_withdrawn", "BOOLEAN", "True where an own document says `removed: true`."),
        required("first_seen_at", "TIMESTAMP", "As-of of the first event that mentioned the article.", "UTC"),
        optional("last_seen_at", "TIMESTAMP", "As-of at which it left the current versions. NULL: still there.", "UTC"),
    ),
    ("article_key",),
)

DIM_PROVIDER = Table(
    "dim_provider",
    "dimension",
    "provider domain",
    "Who published an article, as the documents say; never guessed from an article's URL.",
    (
        required("provider_key", "BIGINT", "Surrogate key: a hash of domain."),
        required("domain", "VARCHAR", "Natural key: lower-case domain without `www.`."),
        optional("name", "VARCHAR", "Cleanest, then most frequent, then latest name. NULL where never given."),
        optional("logo_url", "VARCHAR", "First image of the provider, of the best-ranked mention that has one."),
    ),
    ("provider_key",),
)

DIM_TOPIC = Table(
    "dim_topic",
    "dimension",
    "topic",
    "Topics of documents; spelling and case are the publisher's.",
    (
        required("topic_key", "BIGINT", "Surrogate key: a hash of topic."),
        required("topic", "VARCHAR", "Natural key: the topic, trimmed, case kept."),
    ),
    ("topic_key",),
)

DIM_IMAGE = Table(
    "dim_image",
    "dimension",
    "image URL as written",
    "Images of articles (not the logos of providers). Sizes are those of the best-ranked mention.",
    (
        required("image_key", "BIGINT", "Surrogate key: a hash of url."),
        required("url", "VARCHAR", "Natural key: the image's address as written."),
        optional("width", "BIGINT", "Width, at least 1. NULL where not given.", "pixels"),
        optional("height", "BIGINT", "Height, at least 1. NULL where not given.", "pixels"),
        optional("is_cached", "BOOLEAN", "Publisher's isCached. NULL where not given."),
        optional("title", "VARCHAR", "Caption. NULL where not given."),
        optional("attribution", "VARCHAR", "Credit line. NULL where not given."),
    ),
    ("image_key",),
)

DIM_DATE = Table(
    "dim_date",
    "dimension",
    "calendar day",
    "Contiguous, whole years from the first to the last published date of any article or mention.",
    (
        required("date_key", "INTEGER", "Key as yyyymmdd, such as 20210429."),
        required("date", "DATE", "The day."),
        required("year", "INTEGER", "Calendar year."),
        required("quarter", "INTEGER", "Quarter of the year, 1 to 4."),
        required("month", "INTEGER", "Month, 1 to 12."),
        required("month_name", "VARCHAR", "English name of the month."),
        required("iso_week", "INTEGER", "ISO 8601 week, 1 to 53."),
        required("day", "INTEGER", "Day of the month, 1 to 31."),
        required("day_of_week", "INTEGER", "ISO 8601 weekday, Monday 1 to Sunday 7."),
        required("day_name", "VARCHAR", "English name of the weekday."),
        required("is_weekend", "BOOLEAN", "True on Saturday and Sunday."),
    ),
    ("date_key",),
)

DIM_DOCUMENT = Table(
    "dim_document",
    "dimension",
    "document ever accepted",
    "A document is one file of a source; it keeps its row after it is gone.",
    (
        required("document_key", "BIGINT", "Surrogate key: a hash of source and path."),
        required("source", "VARCHAR", "Name of the source that holds the file."),
        required("path", "VARCHAR", "Path of the file in its source, with `/` between folders."),
        required("article_key", "BIGINT", "The article of its own, in its last version."),
        required("bytes", "BIGINT", "Size of the file in its last version.", "bytes"),
        required("version_count", "BIGINT", "How many versions it has had; A, B, A are three."),
        required("first_seen_at", "TIMESTAMP", "As-of of its first version.", "UTC"),
        required("changed_at", "TIMESTAMP", "As-of at which its last version began.", "UTC"),
        optional("removed_at", "TIMESTAMP", "As-of at which it was found gone. NULL: it is there.", "UTC"),
    ),
    ("document_key",),
    (_ARTICLE,),
)

FACT_ARTICLE = Table(
    "fact_article",
    "fact",
    "article",
    "Measures of an article, an accumulating snapshot beside dim_article. Counts speak of current versions only.",
    (
        required("article_key", "BIGINT", "The article."),
        optional("provider_key", "BIGINT", "Its provider. NULL where no mention names one."),
        optional("published_date_key", "INTEGER", "Day of published_at. NULL where unknown."),
        optional("published_at", "TIMESTAMP", "Earliest publication time that any mention gives.", "UTC"),
        optional("quality", "BIGINT", "Publisher's quality score, 0 and up. NULL where not rated.", "points"),
        optional("heat", "BIGINT", "Publisher's popularity score, 0 and up. NULL: not rated (-1 in the source).", "points"),
        optional("is_published", "BOOLEAN", "Publisher's `published` flag. NULL where not given."),
        required("image_count", "BIGINT", "Its images in bridge_article_image.", "images"),
        required("topic_count", "BIGINT", "Its topics in bridge_article_topic.", "topics"),
        required("related_count", "BIGINT", "Distinct other articles that its own documents list.", "articles"),
        required("mention_count", "BIGINT", "Its rows in fact_mention; 0 once it has left.", "mentions"),
        required("cited_by_count", "BIGINT", "Distinct documents of other articles that list it.", "documents"),
    ),
    ("article_key",),
    (_ARTICLE, _PROVIDER, _PUBLISHED_DATE),
)

FACT_MENTION = Table(
    "fact_mention",
    "fact",
    "mention in the current version of a document that is there",
    "One place where a document speaks of an article: its own article (root) or an entry of its related list.",
    (
        required("document_key", "BIGINT", "The document that speaks."),
        required("position", "INTEGER", "0 for the root; 1-based place in the related list as written, gaps kept."),
        required("role", "VARCHAR", "`root` or `related`."),
        required("article_key", "BIGINT", "The article spoken of."),
        required("root_article_key", "BIGINT", "The document's own article."),
        optional("provider_key", "BIGINT", "Provider that this mention names. NULL where none."),
        optional("published_date_key", "INTEGER", "Day of publication that this mention gives. NULL where none."),
        optional("quality", "BIGINT", "Quality that this mention gives, 0 and up. NULL where none.", "points"),
        required("url_raw", "VARCHAR", "The URL that identifies the article here, as written (trimmed)."),
    ),
    ("document_key", "position"),
    (
        ForeignKey("document_key", "dim_document", "document_key"),
        _ARTICLE,
        ForeignKey("root_article_key", "dim_article", "article_key"),
        _PROVIDER,
        _PUBLISHED_DATE,
        ForeignKey("url_raw", "article_url", "url_raw"),
    ),
)

BRIDGE_ARTICLE_TOPIC = Table(
    "bridge_article_topic",
    "bridge",
    "article and topic",
    "Topics of an article: the list of its best-ranked mention that has one, whole.",
    (
        required("article_key", "BIGINT", "The article."),
        required("topic_key", "BIGINT", "The topic."),
    ),
    ("article_key", "topic_key"),
    (_ARTICLE, ForeignKey("topic_key", "dim_topic", "topic_key")),
)

BRIDGE_ARTICLE_IMAGE = Table(
    "bridge_article_image",
    "bridge",
    "article and image",
    "Images of an article: the list of its best-ranked mention that has one, whole.",
    (
        required("article_key", "BIGINT", "The article."),
        required("image_key", "BIGINT", "The image."),
        required("position", "INTEGER", "1-based place in the list; the first, where an image stands twice."),
    ),
    ("article_key", "image_key"),
    (_ARTICLE, ForeignKey("image_key", "dim_image", "image_key")),
)

ARTICLE_URL = Table(
    "article_url",
    "dimension",
    "distinct URL spelling ever seen",
    "How each spelling of a URL is tied to its article; look a URL up here by url_raw or url_key.",
    (
        required("url_raw", "VARCHAR", "The URL as a document wrote it, trimmed."),
        required("url_key", "VARCHAR", "Its normalised form under the URL policy of this release."),
        optional("article_key", "BIGINT", "The article that owns it. NULL: an alias that no article owns."),
        required("own_key", "BIGINT", "Key that an article would have by this spelling alone; survives merges."),
        required("kind", "VARCHAR", "First that applies of web, original, amp, amp_cache, over all that declare it."),
        required("loose_key", "VARCHAR", "Key under a looser reading, for the view match_candidate only."),
        required("first_seen_at", "TIMESTAMP", "As-of of the first event that held this spelling.", "UTC"),
    ),
    ("url_raw",),
    (_ARTICLE,),
)

ARTICLE_HISTORY = Table(
    "article_history",
    "history",
    "article and span in which no column below changed",
    "Type 2 history, [valid_from, valid_to) in as-of times, told under this release's identities. Equals what a "
    "release built as of each moment shows of the articles mentioned then.",
    (
        required("article_key", "BIGINT", "The article."),
        required("valid_from", "TIMESTAMP", "First as-of at which these values held.", "UTC"),
        optional("valid_to", "TIMESTAMP", "As-of at which they ended. NULL: they hold now.", "UTC"),
        required("is_current", "BOOLEAN", "True where valid_to is NULL."),
        optional("title", "VARCHAR", "dim_article.title at that time."),
        optional("provider_key", "BIGINT", "fact_article.provider_key at that time."),
        optional("quality", "BIGINT", "fact_article.quality at that time.", "points"),
        optional("heat", "BIGINT", "fact_article.heat at that time.", "points"),
        optional("is_published", "BOOLEAN", "fact_article.is_published at that time."),
    ),
    ("article_key", "valid_from"),
    (_ARTICLE, _PROVIDER),
)

ARTICLE_CONFLICT = Table(
    "article_conflict",
    "dimension",
    "article, field and losing value",
    "Every value of a current mention that differs from the one kept. Lists and times are written as text.",
    (
        required("article_key", "BIGINT", "The article."),
        required("field", "VARCHAR", "Name of the field, such as title, quality, provider or topics."),
        required("kept", "VARCHAR", "The value that the release shows, as text."),
        required("other", "VARCHAR", "A value that lost, as text."),
        required("mention_count", "BIGINT", "Current mentions that give the losing value.", "mentions"),
    ),
    ("article_key", "field", "other"),
    (_ARTICLE,),
)

BASE_TABLES: tuple[Table, ...] = (
    DIM_ARTICLE,
    DIM_PROVIDER,
    DIM_TOPIC,
    DIM_IMAGE,
    DIM_DATE,
    DIM_DOCUMENT,
    FACT_ARTICLE,
    FACT_MENTION,
    BRIDGE_ARTICLE_TOPIC,
    BRIDGE_ARTICLE_IMAGE,
    ARTICLE_URL,
    ARTICLE_HISTORY,
    ARTICLE_CONFLICT,
)

ALL_TABLES: tuple[Table, ...] = BASE_TABLES + VIEWS + OPS_TABLES
