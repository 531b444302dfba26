"""Keeping the ledger small: dropping what is past its keep, and giving freed space back.

DuckDB reuses the blocks of deleted rows but never shrinks a file, and the deleted bytes stay in it. Copying the
database whole into a new file leaves both behind; the new file then takes the old one's place by one rename.

How old things are is measured by time that has really passed, as far as runs can witness it. A clock that jumps ahead
by ten years would make everything ten years older, and what is a day old would be deleted; whoever sets the clock right
afterwards does not get it back. Nothing here can know the time, but runs leave their own: a jump, like a pause, is a
gap between two of them, or between the last one and now. So a gap counts as twice the usual one at most, and as a day
at least. After a long pause things are kept longer than they need be; a clock that jumped makes them go by that much
too early, and no more. Rejected: the latest as-of in the place of the clock (one run under the wrong clock, and it is
wrong too), and asking for confirmation (nobody is there when cron calls).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

import duckdb

from schemas.errors import LedgerDamaged
from warehouse.db import attach_ledger, named
from warehouse.durable import fsync
from warehouse.home import Home
from warehouse.ledger import packs
from warehouse.ledger.opening import ledger_transaction, table_names
from warehouse.owners import PRIVATE_MODE, give_to_warehouse
from warehouse.spill import spill_folder
from warehouse.sql_files import run_script

COMPACTED = "compacted"
A_DAY = timedelta(days=1)


def prune_ledger(
    connection: duckdb.DuckDBPyConnection,
    now: datetime,
    *,
    keep_runs: int = 10_000,
    keep_quarantine_days: int = 365,
    keep_raw_days: int = 0,
) -> dict[str, int]:
    """Drop rows of runs, mended problems and bytes of superseded versions that are past their keep.

    In: how long in days, `keep_raw_days` 0 for ever, and how many runs. Out: how many of each were dropped. Bytes of
    what is in quarantine no more, and belongs to no version, go at once. Versions and mentions always stay: only their
    bytes can go, and with them the possibility to read them again under new rules.
    """
    starts = [row[0] for row in connection.execute("select started_at from ledger.run order by as_of").fetchall()]
    problems_from = past_keep(now, starts, keep_quarantine_days)
    raw_from = past_keep(now, starts, keep_raw_days) if keep_raw_days else datetime.min
    with ledger_transaction(connection):
        pruned = {
            "runs": run_script(connection, "ledger", "drop_old_runs", {"keep": keep_runs}),
            "problems": run_script(connection, "ledger", "drop_old_problems", {"before": problems_from}),
            "raw": run_script(connection, "ledger", "drop_unknown_bytes")
            + run_script(connection, "ledger", "drop_superseded_bytes", {"before": raw_from}),
        }
        packs.free(connection)
    return pruned


def past_keep(now: datetime, starts: Sequence[datetime], days: int) -> datetime:
    """Return the moment from which on things are kept; what is older is past its keep of so many days.

    In: the clock; when runs were started, by its word of then, in the order in which they ran.
    """
    moments = [now]
    for start in reversed(starts):
        if start < moments[-1]:  # else a wrong clock has dated it after the next one
            moments.append(start)
    gaps = [(later - earlier).total_seconds() for later, earlier in pairwise(moments)]
    longest = max(A_DAY, timedelta(seconds=2 * median(gaps))) if gaps else A_DAY
    left, at = timedelta(days=days), now
    for later, earlier in pairwise(moments):
        counted = min(later - earlier, longest)
        if counted >= left:
            return later - left
        left, at = left - counted, earlier
    return at - left


def compact(connection: duckdb.DuckDBPyConnection, home: Home, *, forget: str | None = None) -> int:
    """Copy the ledger into a new file that takes its place once the connection is closed; return its size in bytes.

    `forget` names a fact of the ledger's `meta` that ends with the old file. The caller holds the lock, closes the
    connection right after and opens the ledger anew. Raises LedgerDamaged where the copy has not the same rows.
    """
    with spill_folder(home.temp) as folder:
        new = folder / home.ledger.name
        attach_ledger(connection, new, COMPACTED)
        connection.execute(f"copy from database ledger to {COMPACTED}")
        same = _row_counts(connection, "ledger") == _row_counts(connection, COMPACTED)
        connection.execute(f"delete from {COMPACTED}.meta where name = $1", [forget])
        connection.execute(f"detach {COMPACTED}")
        if not same:
            raise LedgerDamaged("the compacted ledger has not the same rows", where=str(home.ledger))
        give_to_warehouse(new, home.folder, PRIVATE_MODE)
        fsync(new)
        size = new.stat().st_size
        new.rename(home.ledger)
        fsync(home.folder)
    return size


def _row_counts(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, int]:
    counts = {}
    for name in sorted(table_names(connection)):
        ((counts[name],),) = connection.execute(f"select count(*) from {catalog}.{named(name)}").fetchall()
    return counts
