"""Tombstones: what was taken down, as hashes, which tell nobody what it was and still tell it when it comes again.

A tombstone stays for ever. A mark in the ledger's `meta` says besides that a takedown has begun and is not finished.

What of a batch speaks of an article that was taken down is not taken in. Its mentions are left out, with the entries,
the URLs that no other entry declares and the bytes of the documents. It is reported neither as a problem, which quotes
the text that it is about, nor as a new field, which can be a name. What a document says of other articles is taken in
as before. So no other place has to know of takedowns.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

import duckdb
import pyarrow as pa

from schemas.batches import ReadBatch
from schemas.packs import Pack, Slice
from warehouse.ledger.feed import Feed
from warehouse.ledger.opening import change_number, get_meta, set_meta
from warehouse.ledger.packs import repacked
from warehouse.sql_files import read_sql, run_script, sql_names

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


def is_before_takedown(connection: duckdb.DuckDBPyConnection, published_at: datetime, built_at_change: int) -> bool:
    """Tell whether a release is from before the last takedown: by change number, else by time (an older newsmart's)."""
    noted = get_meta(connection, TAKEDOWN_CHANGE, "")
    if noted:
        return built_at_change < int(noted)
    ((last,),) = connection.execute("select max(purged_at) from ledger.tombstone").fetchall()
    return last is not None and published_at <= last


def withhold(feed: Feed) -> bool:
    """Take what speaks of articles that were taken down out of the tables that the feed was given.

    Such a document's outcome is `purged` then. Out: whether any article was ever taken down.
    """
    if feed.connection.execute("select 1 from ledger.tombstone where kind = 'url' limit 1").fetchall() == []:
        return False
    run_script(feed.connection, "ledger", "doomed")
    feed.change({table: read_sql("withheld", table) for table in sql_names("withheld")})
    return True


def bytes_left(feed: Feed, batch: ReadBatch) -> tuple[pa.Table, pa.Table]:
    """Return a batch's slices and packs without the bytes of documents that speak of what was taken down.

    Nor of those with problems, as what was not accepted may speak of anything. In: the feed, after `withhold`.
    """
    unkept = {digest for (digest,) in feed.connection.execute(read_sql("ledger", "unkept_bytes")).fetchall()}
    if not unkept:
        return batch.slices, batch.packs
    kept = [Slice(**row) for row in batch.slices.to_pylist() if row["byte_digest"] not in unkept]
    return repacked([Pack(*row.values()) for row in batch.packs.to_pylist()], kept)
