"""The histories of a release: what held when, in as-of times, told under the release's own identities.

Half-open spans [valid_from, valid_to) with NULL for no end, so that one condition finds what held at any moment.
"""

from schemas.declarations import ForeignKey, Table, optional, required

_ARTICLE = ForeignKey("article_key", "dim_article", "article_key")
_PROVIDER = ForeignKey("provider_key", "dim_provider", "provider_key")

ARTICLE_HISTORY = Table(
    "article_history",
    "history",
    "article and span in which no column below changed",
    "Type 2 history, [valid_from, valid_to) in as-of times, told under this release's identities. Equals what a "
    "release built as of each moment shows of the articles mentioned then.",
    (
        required("article_key", "BIGINT", "The article; joins dim_article. Has one row for each span."),
        required("valid_from", "TIMESTAMP", "First as-of at which these values held.", "UTC"),
        optional(
            "valid_to",
            "TIMESTAMP",
            "First as-of at which they held no more, because one changed or the article left. NULL: they hold now.",
            "UTC",
        ),
        required("is_current", "BOOLEAN", "True where the span has no end: its values hold now."),
        optional("title", "VARCHAR", "dim_article.title in that span. NULL where unknown then."),
        optional(
            "provider_key",
            "BIGINT",
            "fact_article.provider_key in that span; joins dim_provider. NULL where unknown then.",
        ),
        optional("quality", "BIGINT", "fact_article.quality in that span. NULL where not rated then.", "points"),
        optional("heat", "BIGINT", "fact_article.heat in that span. NULL where not rated then.", "points"),
        optional("is_published", "BOOLEAN", "fact_article.is_published in that span. NULL where not given then."),
    ),
    ("article_key", "valid_from"),
    (_ARTICLE, _PROVIDER),
)

MENTION_HISTORY = Table(
    "mention_history",
    "history",
    "document, article, role and span in which the document's current version mentioned the article so",
    "Type 2 history of mentions, [valid_from, valid_to) in as-of times, told under this release's identities. The "
    "spans that hold at a moment are the distinct documents, articles and roles of fact_mention as of it: count "
    "citations over time from it.",
    (
        required("document_key", "BIGINT", "The document that speaks; joins dim_document."),
        required("article_key", "BIGINT", "The article spoken of; joins dim_article."),
        required(
            "root_article_key",
            "BIGINT",
            "The document's own article in that span; a span ends where it changes. Joins dim_article.",
        ),
        required(
            "role", "VARCHAR", "`root` where it is the document's own article, `related` where it stands in the list."
        ),
        required("valid_from", "TIMESTAMP", "First as-of at which the document mentioned it so.", "UTC"),
        optional(
            "valid_to",
            "TIMESTAMP",
            "First as-of at which it did no more, or the document was gone. NULL: it does now.",
            "UTC",
        ),
        required("is_current", "BOOLEAN", "True where the span has no end: the document mentions it so now."),
    ),
    ("article_key", "document_key", "role", "valid_from"),
    (
        ForeignKey("document_key", "dim_document", "document_key"),
        _ARTICLE,
        ForeignKey("root_article_key", "dim_article", "article_key"),
    ),
    # Of 32 MB of a release with 130,000 mentions, the index of this key alone would be 10 MB, the rows 2.3.
    is_key_declared=False,
)
