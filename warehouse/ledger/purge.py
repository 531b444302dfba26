"""Takedowns: removing a document, or an article, from the ledger for good.

What goes: events, versions, mentions, entries, URL spellings and bytes. Of an article, every version of a document
that was its own goes, and its mentions in all others; a version of another story in the same file stays, and so do the
other mentions of a document that lists it. That document's bytes go, as they hold the text; so do those of quarantine
and of documents in which something was not accepted, for nobody can tell what that speaks of. A tombstone
(warehouse/ledger/tombstones.py) keeps the next run from taking the same in again. Deleted rows stay in the file's free
blocks until it is compacted, so the caller compacts the ledger and removes the releases that hold what went.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from schemas.errors import UsageError
from schemas.text import is_utf8
from warehouse.ledger import packs, unused
from warehouse.ledger.opening import note_rewritten_past
from warehouse.ledger.tombstones import DOCUMENT, has_tombstone


@dataclass(frozen=True, slots=True)
class Purged:
    """How much went."""

    documents: int
    versions: int
    mentions: int
    entries: int
    urls: int
    raw: int


def find_documents(connection: duckdb.DuckDBPyConnection, path: str) -> list[int]:
    """Return the id of the document that PATH or SOURCE/PATH names; none where it was taken down before.

    Raises UsageError where there is no such document, or several are.
    """
    if not is_utf8(path):
        raise UsageError("the path is not UTF-8", where=ascii(path), todo="see dim_document for sources and paths")
    rows = connection.execute(
        "select document_id, source from ledger.document where path = $1 or source || '/' || path = $1", [path]
    ).fetchall()
    if not rows and has_tombstone(connection, DOCUMENT, _places(connection, path)):
        return []
    if not rows:
        raise UsageError("no such document in the ledger", where=path, todo="see dim_document for sources and paths")
    if len(rows) > 1:
        where = ", ".join(sorted(f"{source}/{path}" for _, source in rows))
        raise UsageError("several sources hold this path", where=where, todo="write SOURCE/PATH")
    return [int(rows[0][0])]


def _places(connection: duckdb.DuckDBPyConnection, path: str) -> list[str]:
    """Return what PATH or SOURCE/PATH may mean, as tombstones have it."""
    sources = connection.execute("select distinct source from ledger.document").fetchall()
    apart = [path[:at] + chr(0) + path[at + 1 :] for at, letter in enumerate(path) if letter == "/"]
    return [*apart, *(f"{source}{chr(0)}{path}" for (source,) in sources)]


def purge_documents(connection: duckdb.DuckDBPyConnection, documents: Sequence[int], now: datetime) -> Purged:
    """Remove documents. The caller opens the transaction, and compacts afterwards."""
    _set_doomed(connection, documents)
    connection.execute(
        "insert into ledger.tombstone by name "
        "select 'document' as kind, sha256(source || chr(0) || path) as value, $1 as purged_at "
        "from ledger.document where document_id in (select document_id from doomed)",
        [now],
    )
    return _sweep(connection)


def purge_article(connection: duckdb.DuckDBPyConnection, url_keys: Sequence[str], now: datetime) -> Purged:
    """Remove all that speaks of an article: its own documents, and its mentions and bytes in others.

    In: every url_key that the article owns, as the build lays them out in work.key_owner. The caller opens the
    transaction, has `work.entry_url` filled, and compacts afterwards.
    """
    connection.execute(
        "create or replace temp table doomed_key as select unnest($1::varchar[]) as url_key", [list(url_keys)]
    )
    connection.execute(_DOOMED_ENTRIES)
    connection.execute(_DOOMED_CONTENTS)
    owners = connection.execute(_OWN_DOCUMENTS).fetchall()
    _set_doomed(connection, [int(row[0]) for row in owners])
    connection.execute(_URL_TOMBSTONES, [now])
    raw = sum(_changed(connection, one) for one in (_RAW_OF_LISTS, _RAW_WITH_PROBLEMS, unused.RAW_OF_NO_VERSION))
    for statement in _FORGET_WHAT_WAS_TOLD:
        connection.execute(statement)
    versions = _end_own_versions(connection)
    mentions = _changed(
        connection, "delete from ledger.content_entry where entry_id in (select entry_id from doomed_entry)"
    )
    swept = _sweep(connection)
    return Purged(
        swept.documents,
        swept.versions + versions,
        swept.mentions + mentions,
        swept.entries,
        swept.urls,
        swept.raw + raw,
    )


def _end_own_versions(connection: duckdb.DuckDBPyConnection) -> int:
    """Turn the doomed versions of documents that stay into absence; return how many there were."""
    versions = _changed(connection, _ABSENCE)
    connection.execute(_REPEATED_ABSENCE)
    # The file may hold the doomed content now: it is read again, and then left out.
    connection.execute(_FORGET_FILES)
    return versions


# Every url_key, so that a new spelling is known, and every spelling, so that a newer URL policy is of no effect.
_URL_TOMBSTONES = """
    insert into ledger.tombstone by name
    with texts as (
        select url_key as text from doomed_key
        union
        select url.url_raw
        from work.entry_url as entry_url
        inner join doomed_key on doomed_key.url_key = entry_url.url_key
        inner join ledger.url as url on url.rowid = entry_url.url_id
    )
    select 'url' as kind, sha256(text) as value, $1 as purged_at
    from texts
"""

_DOOMED_CONTENTS = """
    create or replace temp table doomed_content as
    select distinct content_entry.content_id
    from ledger.content_entry as content_entry
    inner join doomed_entry on doomed_entry.entry_id = content_entry.entry_id
    where content_entry.position = 0
"""

_ABSENCE = """
    update ledger.event set content_id = null, byte_digest = null, byte_count = null
    where
        content_id in (select content_id from doomed_content)
        and document_id not in (select document_id from doomed)
"""

# An absence is told once, and never before a document was there.
_REPEATED_ABSENCE = """
    delete from ledger.event
    where (document_id, as_of) in (
        select (document_id, as_of)
        from (
            select
                document_id,
                as_of,
                content_id,
                lag(content_id) over (partition by document_id order by as_of) as previous_content_id
            from ledger.event
        ) as told
        where content_id is null and previous_content_id is null
    )
"""

_FORGET_FILES = """
    delete from ledger.file_state
    where key_of_digest(content_digest) in (select content_id from doomed_content)
"""


_DOOMED_ENTRIES = """
    create or replace temp table doomed_entry as
    select distinct entry_url.entry_id
    from work.entry_url as entry_url
    inner join doomed_key on doomed_key.url_key = entry_url.url_key
    where entry_url.is_identifying
"""

# A problem quotes what it is about, and a field that no model knows may be telling: those of every document that speaks
# of the article go, as places in lists move between versions. Their files are read again and tell anew what is not of
# the article.
_FORGET_WHAT_WAS_TOLD = (
    """
    create or replace temp table doomed_mention as
    select distinct event.document_id, document.source, document.path
    from ledger.event as event
    inner join ledger.document as document on document.document_id = event.document_id
    inner join ledger.content_entry as content_entry on content_entry.content_id = event.content_id
    inner join doomed_entry on doomed_entry.entry_id = content_entry.entry_id
    """,
    "delete from ledger.problem where document_id in (select document_id from doomed_mention)",
    "delete from ledger.drift where (source, path) in (select (source, path) from doomed_mention)",
    "delete from ledger.file_state where document_id in (select document_id from doomed_mention)",
)

# Those that never held another story.
_OWN_DOCUMENTS = """
    select document_id
    from ledger.event
    where content_id is not null
    group by document_id
    having bool_and(content_id in (select content_id from doomed_content))
"""

_RAW_OF_LISTS = """
    delete from ledger.raw
    where byte_digest in (
        select event.byte_digest
        from ledger.event as event
        inner join ledger.content_entry as content_entry on content_entry.content_id = event.content_id
        inner join doomed_entry on doomed_entry.entry_id = content_entry.entry_id
    )
"""

# Of documents that have, or had, a problem, all versions: which of them had it is not kept.
_RAW_WITH_PROBLEMS = """
    delete from ledger.raw
    where byte_digest in (
        select byte_digest
        from ledger.event
        where document_id in (select document_id from ledger.problem where scope <> 'notice')
    )
"""


def _set_doomed(connection: duckdb.DuckDBPyConnection, documents: Sequence[int]) -> None:
    connection.execute(
        "create or replace temp table doomed as select unnest($1::bigint[]) as document_id", [list(documents)]
    )


def _sweep(connection: duckdb.DuckDBPyConnection) -> Purged:
    """Remove the doomed documents, then whatever nothing refers to any more."""
    raw = _changed(connection, _DOOMED_RAW) + _changed(connection, unused.RAW_NOBODY_KNOWS)
    versions = _changed(connection, _DOOMED_VERSIONS)
    for table in ("event", "file_state", "problem"):
        connection.execute(f"delete from ledger.{table} where document_id in (select document_id from doomed)")
    connection.execute(
        "delete from ledger.drift where (source, path) in "
        "(select (source, path) from ledger.document where document_id in (select document_id from doomed))"
    )
    documents = _changed(
        connection, "delete from ledger.document where document_id in (select document_id from doomed)"
    )
    for statement in _OF_NO_DOCUMENT:
        connection.execute(statement)
    mentions = _changed(connection, unused.MENTIONS)
    connection.execute(unused.CONTENTS)
    entries = _changed(connection, unused.ENTRIES)
    urls = _changed(connection, unused.URLS)
    packs.free(connection)
    note_rewritten_past(connection)
    return Purged(documents, versions, mentions, entries, urls, raw)


# An older newsmart took in problems and fields of documents that had been taken down.
_OF_NO_DOCUMENT = (
    "delete from ledger.problem where document_id not in (select document_id from ledger.document)",
    "delete from ledger.drift where (source, path) not in (select (source, path) from ledger.document)",
)

_DOOMED_VERSIONS = """
    delete from ledger.event
    where content_id is not null and document_id in (select document_id from doomed)
"""

_DOOMED_RAW = """
    delete from ledger.raw
    where
        byte_digest in (
            select byte_digest from ledger.event where document_id in (select document_id from doomed)
            union
            select byte_digest from ledger.file_state where document_id in (select document_id from doomed)
        )
        and byte_digest not in (
            select byte_digest from ledger.event
            where document_id not in (select document_id from doomed) and byte_digest is not null
        )
"""


def _changed(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return 0 if row is None else int(row[0])
