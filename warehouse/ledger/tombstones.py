"""Tombstones: what was taken down, as hashes, which tell nobody what it was and still tell it when it comes again.

A tombstone stays for ever. A mark in the ledger's `meta` says besides that a takedown has begun and is not finished.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

import duckdb

from warehouse.ledger.opening import change_number, get_meta, set_meta

DOCUMENT = "document"
URL = "url"
# In the ledger's `meta` from the tombstones' transaction on until nothing holds the text any more.
UNFINISHED = "unfinished_takedown"
TAKEDOWN_CHANGE = "takedown_change"


def tombstone_of(text: str) -> str:
    """Return what a tombstone holds of a url_key, a spelling, or a source and path joined by NUL: SHA-256, in hex."""
    return sha256(text.encode()).hexdigest()


def has_tombstone(connection: duckdb.DuckDBPyConnection, kind: str, texts: Sequence[str]) -> bool:
    """Tell whether one of these was taken down before, so that a purge that was cut off can be gone on with."""
    values = [tombstone_of(text) for text in texts]
    sql = "select 1 from ledger.tombstone where kind = $1 and list_contains($2::varchar[], value)"
    return connection.execute(sql, [kind, values]).fetchall() != []


def is_unfinished(connection: duckdb.DuckDBPyConnection) -> bool:
    """Tell whether a takedown was cut off."""
    return get_meta(connection, UNFINISHED, "") != ""


def note_takedown(connection: duckdb.DuckDBPyConnection) -> None:
    """Note the change that the takedown which is going on makes; a clock that jumps cannot hide it."""
    set_meta(connection, TAKEDOWN_CHANGE, str(change_number(connection) + 1))


def may_show_what_was_taken_down(
    connection: duckdb.DuckDBPyConnection, published_at: datetime, built_at_change: int
) -> bool:
    """Tell whether a release is from before the last takedown: by change number, else by time (an older newsmart's)."""
    noted = get_meta(connection, TAKEDOWN_CHANGE, "")
    if noted:
        return built_at_change < int(noted)
    ((last,),) = connection.execute("select max(purged_at) from ledger.tombstone").fetchall()
    return last is not None and published_at <= last
