"""What a run mends in its ledger before anything else: a file that is damaged, bytes that are lost, a cut-off takedown.

All of it is said in notices, for something is missing then, or was. The caller holds the lock.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from schemas.errors import LedgerDamaged
from warehouse.clock import utc_now
from warehouse.home import Home
from warehouse.ledger import packs
from warehouse.ledger.locked import open_sized
from warehouse.ledger.opening import check_whole, ledger_transaction, open_ledger
from warehouse.ledger.tombstones import is_unfinished
from warehouse.release import publish
from warehouse.upkeep import takedown
from warehouse.upkeep.moved import LOST


@contextmanager
def open_mended(
    home: Home, memory: str, *, full_refresh: bool
) -> Iterator[tuple[duckdb.DuckDBPyConnection, list[str]]]:
    """Open the ledger for the block, mended as far as it can be, with notices of what was found.

    With `full_refresh`, a damaged ledger is set aside and a new one begun, and lost bytes are forgotten, so that those
    whose files are there are stored again. Raises LedgerDamaged without it, RunFailed as `takedown.finish` does.
    """
    notices = _set_aside_if_damaged(home) if full_refresh else []
    with open_sized(home, memory) as connection:
        if not is_unfinished(connection):
            yield connection, notices + _lost_bytes(connection, full_refresh=full_refresh)
            return
        takedown.finish(home, connection)
    notices.append("finished a takedown that had been cut off")
    with open_sized(home, memory) as connection:  # a new file is in its place
        yield connection, notices + _lost_bytes(connection, full_refresh=full_refresh)


def _set_aside_if_damaged(home: Home) -> list[str]:
    """Move a ledger that does not open, or cannot be read as a whole, out of the way."""
    if not home.ledger.exists():
        return []
    try:
        with open_ledger(home) as connection:
            check_whole(connection)
    except LedgerDamaged as error:
        aside = publish.set_ledger_aside(home, f"damaged-{utc_now():%Y%m%dT%H%M%S}")
        return [f"started a new ledger from the sources: {LOST}; the damaged one is kept as {aside} ({error.what})"]
    return []


def _lost_bytes(connection: duckdb.DuckDBPyConnection, *, full_refresh: bool) -> list[str]:
    if not full_refresh:
        count = len(packs.lost(connection))
        way = "`newsmart run --full-refresh` stores again those whose files are there"
        return [f"{packs.LOST} {count:,} packs of versions; {way}, a backup has them all"] if count else []
    with ledger_transaction(connection):
        count = packs.forget_lost(connection)
    return [f"the bytes of {count:,} versions were lost; those whose files are there are stored again"] if count else []
