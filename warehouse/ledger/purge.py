"""Takedowns: removing a document, or an article, from the ledger for good.

What goes: events, versions, mentions, entries, URL spellings and bytes. Of an article, every version of a document
that was its own goes, and its mentions in all others; a version of another story in the same file stays, and so do the
other mentions of a document that lists it. That document's bytes go, as they hold the text; so do those of quarantine
and of documents in which something was not accepted, for nobody can tell what that speaks of. A tombstone
(warehouse/ledger/tombstones.py) keeps the next run from taking the same in again. Deleted rows stay in the file's free
blocks until it is compacted, so the caller compacts the ledger and removes the releases that hold what went.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from schemas.errors import UsageError
from schemas.text import is_utf8
from warehouse.ledger import packs
from warehouse.ledger.opening import note_rewritten_past
from warehouse.ledger.tombstones import DOCUMENT, has_tombstone
from warehouse.sql_files import read_sql, run_script


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
    """Return each source and path that PATH or SOURCE/PATH may mean, joined as in a tombstone."""
    sources = connection.execute("select distinct source from ledger.document").fetchall()
    apart = [path[:at] + chr(0) + path[at + 1 :] for at, letter in enumerate(path) if letter == "/"]
    return [*apart, *(f"{source}{chr(0)}{path}" for (source,) in sources)]


def purge_documents(connection: duckdb.DuckDBPyConnection, documents: Sequence[int], now: datetime) -> Purged:
    """Remove documents. The caller opens the transaction, and compacts afterwards."""
    return _purge(connection, "purge_documents", {"documents": list(documents), "now": now})


def purge_article(connection: duckdb.DuckDBPyConnection, url_keys: Sequence[str], now: datetime) -> Purged:
    """Remove all that speaks of an article: its own documents, and its mentions and bytes in others.

    In: every url_key that the article owns, as the build lays them out in work.key_owner. The caller opens the
    transaction, has `work.entry_url` filled, and compacts afterwards.
    """
    return _purge(connection, "purge_article", {"url_keys": list(url_keys), "now": now})


def _purge(connection: duckdb.DuckDBPyConnection, script: str, parameters: Mapping[str, object]) -> Purged:
    """Run a script that dooms documents, then remove them and whatever nothing refers to any more."""
    before = connection.execute(read_sql("ledger", "counts")).fetchall()
    for name in (script, "sweep", "drop_unknown_bytes", "drop_unused", "drop_unused_urls"):
        run_script(connection, "ledger", name, parameters)
    packs.free(connection)
    note_rewritten_past(connection)
    ((*counts,),) = connection.execute(read_sql("ledger", "counts")).fetchall()
    return Purged(*(was - now for was, now in zip(before[0], counts, strict=True)))
