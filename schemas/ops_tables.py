"""The tables of schema `ops`: what the runs tell of themselves.

They ride in every release so that a reader of the one file can judge it. They are left out of the fingerprint, as they
speak of clocks and processes and not of the news.
"""

from schemas.declarations import Table, optional, required

RELEASE = Table(
    "release",
    "ops",
    "release (so the table has one row)",
    "What this file is, when it was made and from what.",
    (
        required("release_id", "VARCHAR", "Name of the release; its folder is called so."),
        required("as_of", "TIMESTAMP", "Logical time of the news in it.", "UTC"),
        required("built_at", "TIMESTAMP", "Clock time of the build.", "UTC"),
        required("contract_version", "INTEGER", "Version of the tables' contract."),
        required("policy_version", "INTEGER", "Version of the URL policy that made the keys."),
        required("rules_version", "INTEGER", "Version of the validation rules that read the documents."),
        required("document_count", "BIGINT", "Documents that are there.", "documents"),
        required("article_count", "BIGINT", "Rows of dim_article.", "articles"),
        required("mention_count", "BIGINT", "Rows of fact_mention.", "mentions"),
        required("fingerprint", "VARCHAR", "Hash over the rows of all tables of schema main."),
    ),
    ("release_id",),
)

RUN = Table(
    "run",
    "ops",
    "run, up to the one that made this release",
    "Balance: documents_seen = new + changed + touched + unchanged + quarantined; removed is counted beside it.",
    (
        required("run_id", "VARCHAR", "Name of the run; the logs carry it."),
        required("as_of", "TIMESTAMP", "Logical time of the run.", "UTC"),
        required("started_at", "TIMESTAMP", "Clock time of its start.", "UTC"),
        optional("finished_at", "TIMESTAMP", "Clock time of its end. NULL: it was cut off.", "UTC"),
        required("status", "VARCHAR", "published, unchanged, refused, failed or started (cut off)."),
        required("documents_seen", "BIGINT", "Documents found in the sources given.", "documents"),
        required("documents_new", "BIGINT", "Never accepted before.", "documents"),
        required("documents_changed", "BIGINT", "Content other than before, or back after removal.", "documents"),
        required("documents_touched", "BIGINT", "Bytes differ, content does not.", "documents"),
        required("documents_unchanged", "BIGINT", "As before.", "documents"),
        required("documents_quarantined", "BIGINT", "Could not be accepted.", "documents"),
        required("documents_removed", "BIGINT", "Known, but no longer in their source.", "documents"),
        optional("mentions", "BIGINT", "Rows of fact_mention after the run. NULL where nothing was built.", "mentions"),
        optional("articles", "BIGINT", "Rows of dim_article after the run. NULL where nothing was built.", "articles"),
        optional("release_id", "VARCHAR", "The release that it published. NULL where none."),
    ),
    ("run_id",),
)

QUARANTINE = Table(
    "quarantine",
    "ops",
    "problem that keeps a document, a mention or a URL out",
    "What could not be accepted, where it stands and what was expected. Clears itself when mended.",
    (
        required("source", "VARCHAR", "Name of the source."),
        required("path", "VARCHAR", "Path of the file in its source."),
        optional("line", "BIGINT", "1-based line in the file. NULL where there is no text."),
        optional("column", "BIGINT", "1-based column, in characters. NULL where there is no text."),
        required("field", "VARCHAR", "Field path such as `related[3].images[0].width`; empty for the whole file."),
        required("reason", "VARCHAR", "Short code of what is wrong."),
        required("expected", "VARCHAR", "What would be accepted."),
        optional("found", "VARCHAR", "The offending text, shortened. NULL where something is missing."),
        required("first_seen_at", "TIMESTAMP", "As-of of the first run that found it.", "UTC"),
        required("last_seen_at", "TIMESTAMP", "As-of of the last run that found it.", "UTC"),
    ),
    (),
)

AUDIT = Table(
    "audit",
    "ops",
    "audit of this release",
    "A release is published only when every audit passes.",
    (
        required("name", "VARCHAR", "Name of the audit; its SQL file is called so."),
        required("status", "VARCHAR", "`pass` or `fail`."),
        required("offending_rows", "BIGINT", "How many rows break it.", "rows"),
        optional("example", "VARCHAR", "One of them, as text. NULL where none."),
    ),
    ("name",),
)

DRIFT = Table(
    "drift",
    "ops",
    "field that documents hold and newsmart does not know",
    "Reported once, with the place where it was first seen; the ledger keeps the values.",
    (
        required("field", "VARCHAR", "Field path, such as `related[].summary`."),
        required("source", "VARCHAR", "Source of the first document that held it."),
        required("path", "VARCHAR", "Path of that document."),
        required("first_seen_at", "TIMESTAMP", "As-of of that run.", "UTC"),
    ),
    ("field",),
)

ALIAS = Table(
    "alias",
    "ops",
    "alias that joins more than three url_keys",
    "Aliases that deserve a look: an AMP or original URL that many identifying URLs share.",
    (
        required("url_key", "VARCHAR", "Key of the alias."),
        required("joined_count", "BIGINT", "Distinct identifying url_keys that declare it.", "url_keys"),
        required("article_key", "BIGINT", "The article that they became."),
        required("example", "VARCHAR", "The smallest and the largest of the url_keys joined."),
    ),
    ("url_key",),
)

OPS_TABLES: tuple[Table, ...] = (RELEASE, RUN, QUARANTINE, AUDIT, DRIFT, ALIAS)
