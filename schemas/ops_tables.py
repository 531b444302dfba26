"""The tables of schema `ops`: what the runs tell of themselves.

They ride in every release so that a reader of the one file can judge it. They are left out of the fingerprint, as they
speak of clocks and processes and not of the news.
"""

from schemas.declarations import ForeignKey, ops_table, optional, required, tables_in

RELEASE = ops_table(
    "release",
    "release (so the table has one row)",
    "What this file is, when it was made and from what.",
    (
        required("release_id", "VARCHAR", "Name of the release, and of its folder: its as-of and a part of a hash."),
        required("as_of", "TIMESTAMP", "Logical time: the news are told as they stood at this moment.", "UTC"),
        required("built_at", "TIMESTAMP", "Clock time at which the file was built.", "UTC"),
        required("contract_version", "INTEGER", "Version of the contract: changes when a column's meaning does."),
        required("policy_version", "INTEGER", "Version of the URL policy that made the keys."),
        required("rules_version", "INTEGER", "Version of the validation rules that read the documents."),
        required("document_count", "INTEGER", "Rows of dim_document without removed_at.", "documents"),
        required("article_count", "INTEGER", "Rows of dim_article.", "articles"),
        required("mention_count", "INTEGER", "Rows of fact_mention.", "mentions"),
        required("fingerprint", "VARCHAR", "Hash over the rows of schema main: equal releases have equal ones."),
        optional(
            "previous_release_id",
            "VARCHAR",
            "The release that readers were shown when this one was built, with which ops.release_change compares it. "
            "NULL: it was compared with none.",
        ),
        optional(
            "uncompared_reason",
            "VARCHAR",
            "Why ops.release_change is empty: first_load; takedown; versions (the release before has other versions of "
            "contract, policy or rules); not_as_published (it was touched); unreadable (or too large for the memory "
            "allowed); as_of (built beside the runs). NULL: it was compared.",
        ),
        required(
            "build_kind",
            "VARCHAR",
            "whole (made of all that is recorded) or incremental (made from base_release_id). Both hold the same rows.",
        ),
        optional(
            "base_release_id", "VARCHAR", "The release from which an incremental one was made. NULL: it is whole."
        ),
        optional("rows_came", "BIGINT", "Rows of schema main that base_release_id has not. NULL: it is whole.", "rows"),
        optional(
            "rows_went", "BIGINT", "Rows of schema main that only base_release_id has. NULL: it is whole.", "rows"
        ),
        optional(
            "whole_build_reason",
            "VARCHAR",
            "Why it was built whole, such as first_load, full_refresh, takedown, periodic or large_change. NULL: it is "
            "incremental.",
        ),
    ),
    ("release_id",),
)

RUN = ops_table(
    "run",
    "run, up to the one that made this release",
    "Balance: documents_seen = new + changed + touched + unchanged + quarantined; removed is counted beside it.",
    (
        required("run_id", "VARCHAR", "Name of the run, made of its as-of; the logs carry it."),
        required(
            "as_of", "TIMESTAMP", "Logical time of the run: the scheduled time, the one given, or the clock's.", "UTC"
        ),
        required("started_at", "TIMESTAMP", "Clock time of its start.", "UTC"),
        optional("finished_at", "TIMESTAMP", "Clock time of its end. NULL: it was cut off.", "UTC"),
        required("status", "VARCHAR", "published, unchanged (nothing to do), refused (a limit), failed, or started."),
        required("documents_seen", "INTEGER", "Documents found in the sources given.", "documents"),
        required("documents_new", "INTEGER", "Of those seen: never accepted before.", "documents"),
        required("documents_changed", "INTEGER", "Of those seen: other content, or back after removal.", "documents"),
        required("documents_touched", "INTEGER", "Of those seen: other bytes with the same content.", "documents"),
        required("documents_unchanged", "INTEGER", "Of those seen: as before.", "documents"),
        required("documents_quarantined", "INTEGER", "Of those seen: not accepted; a good version stays.", "documents"),
        required("documents_removed", "INTEGER", "Known, but no longer in their source; not seen.", "documents"),
        optional("mentions", "INTEGER", "Rows of fact_mention after the run. NULL: nothing was built.", "mentions"),
        optional("articles", "INTEGER", "Rows of dim_article after the run. NULL: nothing was built.", "articles"),
        optional("release_id", "VARCHAR", "The release that it published. NULL where none."),
    ),
    ("run_id",),
)

QUARANTINE = ops_table(
    "quarantine",
    "problem that keeps a document, a mention or a URL out",
    "What could not be accepted, where it stands and what was expected. Clears itself when mended.",
    (
        required("source", "VARCHAR", "Name of the source that holds the file."),
        required("path", "VARCHAR", "Path of the file below its source."),
        optional("line", "INTEGER", "1-based line in the file. NULL where the file cannot be read as text."),
        optional("column", "INTEGER", "1-based column, in characters. NULL where there is no text."),
        required("field", "VARCHAR", "Field path such as `related[3].images[0].width`; empty for the whole file."),
        required("reason", "VARCHAR", "Short code of what is wrong, such as bad_date or missing."),
        required("expected", "VARCHAR", "What would be accepted, in words."),
        optional("found", "VARCHAR", "The offending text, shortened. NULL where the value is missing."),
        required("first_seen_at", "TIMESTAMP", "As-of of the first run that found it.", "UTC"),
        required("last_seen_at", "TIMESTAMP", "As-of of the last run that found it.", "UTC"),
    ),
    (),
)

NOTICE = ops_table(
    "notice",
    "notice about a document that was accepted",
    "What was accepted as it reads, although a person may have meant something else. It refuses nothing, and clears "
    "itself when mended. Told as the current documents are.",
    (
        required("source", "VARCHAR", "Name of the source that holds the file."),
        required("path", "VARCHAR", "Path of the file below its source."),
        optional("line", "BIGINT", "1-based line in the file. NULL: it is about several documents together."),
        optional("column", "BIGINT", "1-based column, in characters. NULL where the line is."),
        required("field", "VARCHAR", "Field path such as `provider.domain` or `related[3].webUrl`."),
        required(
            "reason",
            "VARCHAR",
            "Short code: cut_by_comment or cut_by_line_break (text that YAML leaves out), odd_key (nearly the name of "
            "a field), not_a_host (a provider's domain), front_page (it identifies several stories), fragment_only "
            "(two documents whose URLs differ in the fragment alone).",
        ),
        required("expected", "VARCHAR", "What a document would say that means it, in words."),
        optional("found", "VARCHAR", "The text that the notice is about, shortened. NULL where it cannot be shown."),
        required("first_seen_at", "TIMESTAMP", "As-of from which on it holds.", "UTC"),
        required("last_seen_at", "TIMESTAMP", "As-of of the last run that found it.", "UTC"),
    ),
    (),
)

AUDIT = ops_table(
    "audit",
    "audit of this release",
    "A release is published only when every audit passes.",
    (
        required("name", "VARCHAR", "Name of the audit: unique__TABLE, reference__TABLE… or that of its SQL file."),
        required("status", "VARCHAR", "`pass` or `fail`."),
        required("offending_rows", "BIGINT", "How many rows break it; 0 in every published release.", "rows"),
        optional("example", "VARCHAR", "One row that breaks it, as text. NULL where none does."),
    ),
    ("name",),
)

DRIFT = ops_table(
    "drift",
    "field that documents hold and newsmart does not know",
    "Reported once, with the place where it was first seen; the ledger keeps the values.",
    (
        required("field", "VARCHAR", "Field path, such as `related[].summary`."),
        required("source", "VARCHAR", "Source of the first document that held it."),
        required("path", "VARCHAR", "Path of that document below its source."),
        required("first_seen_at", "TIMESTAMP", "As-of of the run that first saw it.", "UTC"),
    ),
    ("field",),
)

ALIAS = ops_table(
    "alias",
    "alias that two or more identifying url_keys declare, and url_key that declares it",
    "A shared alias joins only spellings of one story: the AMP page of a live blog is declared by every post in it. An "
    "alias counts as one of its keys where it identifies a mention itself.",
    (
        required("url_key", "VARCHAR", "Normalised form of the alias."),
        required("declaring_key", "VARCHAR", "Key of mentions that declare it; or itself, where it identifies one."),
        required("is_joined", "BOOLEAN", "True: declaring_key is one article with another of its keys by it."),
        required("reason", "VARCHAR", "Why, in words: which slug or id is shared with which key, or that none is."),
        required("article_key", "BIGINT", "The article of declaring_key; joins dim_article."),
        required("joined_count", "INTEGER", "Distinct url_keys that the alias joins; 0: it joins nothing.", "url_keys"),
        required("example", "VARCHAR", "The smallest and the largest of the url_keys that share the alias."),
    ),
    ("url_key", "declaring_key"),
)

RELEASE_CHANGE = ops_table(
    "release_change",
    "article, field and value that differs from the release before",
    "What this release shows otherwise than ops.release.previous_release_id did. An article that is added, returned or "
    "departed has one row of that kind, with its title. A row whose field is article_key follows a saved key: before "
    "is the key in the release before, article_key and after the one now.",
    (
        required("article_key", "BIGINT", "The article, by its key in this release; joins dim_article."),
        required(
            "kind",
            "VARCHAR",
            "added, returned (departed before, mentioned now), departed; merged (another article of the release before "
            "is part of it now), split (it was part of another); headline, score, published, document (its own "
            "documents), other.",
        ),
        required(
            "field",
            "VARCHAR",
            "What differs: title, quality, heat, is_published, article_key, url, provider, topics and so on; "
            "document_count and document_changed_at are of its own documents. Kind other with article_key: the same "
            "article under another key; with own_key: one of its URLs was another's, whose key is before.",
        ),
        optional("before", "VARCHAR", "The value in the release before, as text. NULL: none, unknown or not given."),
        optional("after", "VARCHAR", "The value now, as text. NULL: none, unknown or not given."),
    ),
    (),
    (ForeignKey("article_key", "dim_article", "article_key"),),
)

RELATIONSHIP = ops_table(
    "relationship",
    "column that refers to a column of another table",
    "What can be joined, for tools that draw or suggest joins. Audited before publication and not declared as foreign "
    "keys. Tables of schema ops have its name before theirs, such as ops.release_change.",
    (
        required("from_table", "VARCHAR", "The table or view that refers: the many side, as a rule."),
        required("from_column", "VARCHAR", "Its column, such as first_seen_date_key: the role that the other plays."),
        required("to_table", "VARCHAR", "The table that is referred to: the one side."),
        required("to_column", "VARCHAR", "Its column, which is unique."),
        required("is_required", "BOOLEAN", "True where each row refers to one. False: use a left join."),
    ),
    ("from_table", "from_column", "to_table", "to_column"),
)

CONTRACT = ops_table(
    "contract",
    "release (so the table has one row)",
    "What consumers may rely on: every table, column, key and relationship of this release, as text.",
    (
        required("contract_version", "INTEGER", "As in ops.release."),
        required("standard", "VARCHAR", "Version of the Open Data Contract Standard that the text follows."),
        required("yaml", "VARCHAR", "The contract, as YAML of that standard."),
    ),
    ("contract_version",),
)

OPS_TABLES = tables_in(globals())
