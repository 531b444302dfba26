"""The star of a release: dimensions, facts, bridges for many-to-many and type 2 histories, in Kimball's terms.

DDL, COMMENT ON, the data dictionary, the contract and the key audits are rendered from here; a test describes each
hand-written transform against its declaration. A history's spans are half open, [valid_from, valid_to) with NULL for no
end, so that one condition finds what held at any moment.
"""

from schemas.declarations import ForeignKey, bridge, dimension, fact, history, optional, required, tables_in

DIM_ARTICLE = dimension(
    "dim_article",
    "article",
    "Every article that any version of any document mentions. Values are those of the best-ranked mention in the "
    "current document versions; of an article that left them, those of the last versions that mentioned it. An as-of "
    "is the logical time of a run.",
    (
        required("article_key", "BIGINT", "Surrogate key: a hash of url_key. Joins every other article_key."),
        required("url", "VARCHAR", "Web address to open: without trackers, not an AMP form where another is known."),
        required("url_key", "VARCHAR", "Natural key: the smallest of its normalised URLs, as `example.com/news/1`."),
        optional("title", "VARCHAR", "Headline. NULL where no mention has one that is not blank."),
        optional("excerpt", "VARCHAR", "Teaser text. NULL where no mention has a real one (`NA` is none)."),
        optional("category", "VARCHAR", "Publisher's category, such as news. NULL where not given, as for most."),
        optional("content_type", "VARCHAR", "Publisher's `type`, such as article or video. NULL where not given."),
        optional("locale", "VARCHAR", "Publisher's language or region tag, such as en-us. NULL where not given."),
        optional("authors", "VARCHAR", "Names in the mention's `provider.authors`, joined by `; `. NULL where none."),
        optional("featured_content", "VARCHAR", "Publisher's embed code, HTML of strangers: escape it. NULL if none."),
        optional("updated_at", "TIMESTAMP", "Publisher's updatedDateTime. NULL where not given."),
        required("is_root", "BOOLEAN", "True where a current document is about it; once departed, the last one."),
        required("is_withdrawn", "BOOLEAN", "True where a document of its own says `removed: true`."),
        required("first_seen_at", "TIMESTAMP", "As-of of the first run whose documents mentioned it."),
        optional("last_seen_at", "TIMESTAMP", "As-of of the run in which it left the documents. NULL: it is there."),
    ),
    ("article_key",),
)

DIM_PROVIDER = dimension(
    "dim_provider",
    "provider domain",
    "Who published an article, as the documents say; never guessed from an article's URL.",
    (
        required("provider_key", "BIGINT", "Surrogate key: a hash of domain. Joins every other provider_key."),
        required("domain", "VARCHAR", "Natural key: host in `provider.domain`, lower case, no `www.`, in punycode."),
        optional("name", "VARCHAR", "Cleanest, then most frequent, then latest `provider.name`. NULL: none given."),
        optional("logo_url", "VARCHAR", "Its first image, by the best-ranked mention that has one. NULL: none given."),
    ),
    ("provider_key",),
)

DIM_TOPIC = dimension(
    "dim_topic",
    "topic",
    "Topics of documents; spelling and case are the publisher's.",
    (
        required("topic_key", "BIGINT", "Surrogate key: a hash of topic. Joins bridge_article_topic."),
        required("topic", "VARCHAR", "Natural key: an entry of a document's `topics`, trimmed, case kept."),
    ),
    ("topic_key",),
)

DIM_IMAGE = dimension(
    "dim_image",
    "image URL as written",
    "Images of articles (not the logos of providers). Sizes are those of the best-ranked mention.",
    (
        required("image_key", "BIGINT", "Surrogate key: a hash of url. Joins bridge_article_image."),
        required("url", "VARCHAR", "Natural key: the image's address as the document wrote it, trimmed."),
        optional("width", "BIGINT", "Width, at least 1. NULL where not given.", "pixels"),
        optional("height", "BIGINT", "Height, at least 1. NULL where not given.", "pixels"),
        optional("is_cached", "BOOLEAN", "Publisher's `isCached`: whether it keeps a copy. NULL where not given."),
        optional("title", "VARCHAR", "Caption. NULL where not given."),
        optional("attribution", "VARCHAR", "Credit line. NULL where not given."),
    ),
    ("image_key",),
)

DIM_DATE = dimension(
    "dim_date",
    "calendar day",
    "Contiguous, whole years from the first to the last published date of any article or mention and as-of of any "
    "change. One calendar for every role of a date: published, first seen, last seen.",
    (
        required("date_key", "INTEGER", "Key as yyyymmdd, such as 20210429. Joins every column named *_date_key."),
        required("date", "DATE", "The day, in UTC."),
        required("year", "INTEGER", "Calendar year; group weeks by iso_year."),
        required("quarter", "INTEGER", "Quarter of the year, 1 to 4."),
        required("month", "INTEGER", "Month, 1 to 12."),
        required("month_name", "VARCHAR", "English name of the month, such as April."),
        required("iso_year", "INTEGER", "ISO 8601 year, to which iso_week belongs; near New Year not the calendar's."),
        required("iso_week", "INTEGER", "ISO 8601 week of iso_year, 1 to 53; weeks begin on Monday."),
        required("day", "INTEGER", "Day of the month, 1 to 31."),
        required("day_of_week", "INTEGER", "ISO 8601 weekday, Monday 1 to Sunday 7."),
        required("day_name", "VARCHAR", "English name of the weekday, such as Monday."),
        required("is_weekend", "BOOLEAN", "True on Saturday and Sunday."),
    ),
    ("date_key",),
)

DIM_DOCUMENT = dimension(
    "dim_document",
    "document ever accepted",
    "A document is one file of a source; it keeps its row after it is gone.",
    (
        required("document_key", "BIGINT", "Surrogate key: a hash of source and path. Joins every document_key."),
        required("source", "VARCHAR", "Name of the source (a folder given to the run) that holds the file."),
        required("path", "VARCHAR", "Path of the file below its source, with `/` between folders."),
        required("article_key", "BIGINT", "The article that its last version is about. Two documents may share one."),
        required("bytes", "INTEGER", "Size of the file in its last accepted version.", "bytes"),
        required("version_count", "INTEGER", "How many spans of unchanged content it has had; A, B, A are three."),
        required("first_seen_at", "TIMESTAMP", "As-of of the run that first accepted it."),
        required("changed_at", "TIMESTAMP", "As-of at which its last version began."),
        optional("removed_at", "TIMESTAMP", "As-of of the run that found it gone. NULL: it is there."),
    ),
    ("document_key",),
)

FACT_ARTICLE = fact(
    "fact_article",
    "article",
    "Measures of an article, an accumulating snapshot beside dim_article. Counts speak of current versions only.",
    (
        required("article_key", "BIGINT", "The article; joins dim_article, one to one."),
        optional("provider_key", "BIGINT", "Who published it; joins dim_provider. NULL where no mention names one."),
        optional("published_date_key", "INTEGER", "Day of published_at, in UTC; joins dim_date. NULL where unknown."),
        required("first_seen_date_key", "INTEGER", "Day of dim_article.first_seen_at, in UTC; joins dim_date."),
        optional(
            "last_seen_date_key",
            "INTEGER",
            "Day of dim_article.last_seen_at, in UTC; joins dim_date in that role. NULL: still mentioned.",
        ),
        optional("published_at", "TIMESTAMP", "Earliest publication time of its current mentions. NULL: none given."),
        optional("quality", "BIGINT", "Publisher's quality score, 0 and up. NULL where not rated.", "points"),
        optional("heat", "BIGINT", "Publisher's popularity score, 0 and up. NULL where not rated (-1).", "points"),
        optional("is_published", "BOOLEAN", "Publisher's `published` flag. NULL where not given."),
        required("image_count", "INTEGER", "Its rows in bridge_article_image.", "images"),
        required("topic_count", "INTEGER", "Its rows in bridge_article_topic.", "topics"),
        required("related_count", "INTEGER", "Distinct other articles that its own documents list.", "articles"),
        required("mention_count", "INTEGER", "Its rows in fact_mention; 0 once it has left.", "mentions"),
        required("cited_by_count", "INTEGER", "Distinct documents of other articles that list it.", "documents"),
    ),
    ("article_key",),
)

FACT_MENTION = fact(
    "fact_mention",
    "mention in the current version of a document that is there",
    "One place where a document speaks of an article: its own article (root) or an entry of its related list.",
    (
        required("document_key", "BIGINT", "The document that speaks; joins dim_document."),
        required("position", "INTEGER", "0 for the root; 1-based place in the related list as written, gaps kept."),
        required("role", "VARCHAR", "`root`: the document's own article; `related`: an entry of its related list."),
        required("article_key", "BIGINT", "The article spoken of; joins dim_article."),
        required("root_article_key", "BIGINT", "The document's own article; a list may hold that one, too."),
        optional("provider_key", "BIGINT", "Provider that this mention names; joins dim_provider. NULL: none."),
        optional("published_date_key", "INTEGER", "Day of publication that this mention gives. NULL where none."),
        optional("quality", "BIGINT", "Quality that this mention gives, 0 and up. NULL where none.", "points"),
        required("url_raw", "VARCHAR", "The URL that identifies the article here, trimmed; joins article_url."),
    ),
    ("document_key", "position"),
    (ForeignKey("url_raw", "article_url", "url_raw"),),
)

BRIDGE_ARTICLE_TOPIC = bridge(
    "bridge_article_topic",
    "article and topic",
    "Topics of an article: the list of its best-ranked mention that has one, whole.",
    (
        required("article_key", "BIGINT", "The article; joins dim_article."),
        required("topic_key", "BIGINT", "The topic; joins dim_topic."),
        required("weight", "DOUBLE", "1 / topics of the article: its sums count each article once.", "articles"),
    ),
    ("article_key", "topic_key"),
)

BRIDGE_ARTICLE_IMAGE = bridge(
    "bridge_article_image",
    "article and image",
    "Images of an article: the list of its best-ranked mention that has one, whole.",
    (
        required("article_key", "BIGINT", "The article; joins dim_article."),
        required("image_key", "BIGINT", "The image; joins dim_image."),
        required("position", "INTEGER", "1-based place in the list, 1 being the one to show."),
    ),
    ("article_key", "image_key"),
)

ARTICLE_URL = dimension(
    "article_url",
    "distinct URL spelling ever seen",
    "How each spelling of a URL is tied to its article; look a URL up here by url_raw or url_key.",
    (
        required("url_raw", "VARCHAR", "The URL as a document wrote it, trimmed."),
        required("url_key", "VARCHAR", "Its normalised form under this release's URL policy; spellings may share it."),
        optional("article_key", "BIGINT", "The article that owns it; joins dim_article. NULL: no article owns it."),
        required("own_key", "BIGINT", "Article key by this spelling alone: finds a key that a merge retired."),
        required("kind", "VARCHAR", "First that applies of web, original, amp, amp_cache, over all its mentions."),
        required("loose_key", "VARCHAR", "Key under a looser reading, for match_candidate; never an identity."),
        required("first_seen_at", "TIMESTAMP", "As-of of the first run whose documents held this spelling."),
    ),
    ("url_raw",),
)

ARTICLE_HISTORY = history(
    "article_history",
    "article and span in which no column below changed",
    "Type 2 history, [valid_from, valid_to) in as-of times, told under this release's identities. Equals what a "
    "release built as of each moment shows of the articles mentioned then.",
    (
        required("article_key", "BIGINT", "The article; joins dim_article. Has one row for each span."),
        required("valid_from", "TIMESTAMP", "First as-of at which these values held."),
        optional("valid_to", "TIMESTAMP", "First as-of at which one changed or the article left. NULL: they hold now."),
        required("is_current", "BOOLEAN", "True where the span has no end: its values hold now."),
        optional("title", "VARCHAR", "dim_article.title in that span. NULL where unknown then."),
        optional("provider_key", "BIGINT", "fact_article.provider_key in that span. NULL where unknown then."),
        optional("quality", "BIGINT", "fact_article.quality in that span. NULL where not rated then.", "points"),
        optional("heat", "BIGINT", "fact_article.heat in that span. NULL where not rated then.", "points"),
        optional("is_published", "BOOLEAN", "fact_article.is_published in that span. NULL where not given then."),
    ),
    ("article_key", "valid_from"),
)

MENTION_HISTORY = history(
    "mention_history",
    "document, article, role and span in which the document's current version mentioned the article so",
    "Type 2 history of mentions, [valid_from, valid_to) in as-of times, told under this release's identities. The "
    "spans that hold at a moment are the distinct documents, articles and roles of fact_mention as of it: count "
    "citations over time from it.",
    (
        required("document_key", "BIGINT", "The document that speaks; joins dim_document."),
        required("article_key", "BIGINT", "The article spoken of; joins dim_article."),
        required("root_article_key", "BIGINT", "The document's own article in that span; joins dim_article."),
        required("role", "VARCHAR", "`root`: the document's own article; `related`: an entry of its related list."),
        required("valid_from", "TIMESTAMP", "First as-of at which the document mentioned it so."),
        optional("valid_to", "TIMESTAMP", "First as-of at which it did so no more. NULL: it does now."),
        required("is_current", "BOOLEAN", "True where the span has no end: the document mentions it so now."),
    ),
    ("article_key", "document_key", "role", "valid_from"),
    # Of 32 MB of a release with 130,000 mentions, the index of this key alone would be 10 MB, the rows 2.3.
    is_key_declared=False,
)

ARTICLE_CONFLICT = dimension(
    "article_conflict",
    "article, field and losing value",
    "Every value of a current mention that differs from the one kept. Lists and times are written as text.",
    (
        required("article_key", "BIGINT", "The article; joins dim_article."),
        required("field", "VARCHAR", "Name of the field, such as title, quality, topics or provider (its domain)."),
        required("kept", "VARCHAR", "The value that the release shows, as text; lists as JSON, times as ISO 8601."),
        required("other", "VARCHAR", "A value that lost, as text."),
        required("mention_count", "INTEGER", "Current mentions that give the losing value.", "mentions"),
    ),
    ("article_key", "field", "other"),
)

BASE_TABLES = tables_in(globals())
