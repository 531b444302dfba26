"""Keeping the ledger small: dropping what is past its keep, and giving freed space back.

DuckDB reuses the blocks of deleted rows but never shrinks a file, and the deleted bytes stay in it. Copying the
database whole into a new file leaves both behind; the new file then takes the old one's place by one rename.
"""

from dataclasses import dataclass
from datetime import datetime

import duckdb

from schemas.errors import LedgerDamaged
from warehouse.db import quoted, spill_folder
from warehouse.durable import fsync_file, fsync_folder
from warehouse.home import Home
from warehouse.ledger import packs
from warehouse.ledger.opening import transaction
from warehouse.owners import PRIVATE_MODE, give_to_warehouse
from warehouse.sql_files import run_script
from warehouse.upkeep.keep import past_keep

COMPACTED = "compacted"


@dataclass(frozen=True, slots=True)
class Kept:
    """How long things are kept, in days and rows; raw_days 0: for ever."""

    runs: int
    quarantine_days: int
    raw_days: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """How many rows were dropped."""

    runs: int
    problems: int
    raw: int


def prune_ledger(connection: duckdb.DuckDBPyConnection, kept: Kept, now: datetime) -> Pruned:
    """Drop rows of runs, mended problems and bytes of superseded versions that are past their keep.

    How old something is, warehouse/upkeep/keep.py tells. Bytes of what is in quarantine no more, and belongs to no
    version, go at once. Versions and mentions always stay: only their bytes can go, and with them the possibility to
    read them again under new rules.
    """
    starts = [row[0] for row in connection.execute(_STARTS).fetchall()]
    problems_from = past_keep(now, starts, kept.quarantine_days)
    raw_from = past_keep(now, starts, kept.raw_days) if kept.raw_days else None
    with transaction(connection):
        return Pruned(
            runs=_count(connection, _OLD_RUNS, {"keep": kept.runs}),
            problems=_count(connection, _OLD_PROBLEMS, {"before": problems_from}),
            raw=_drop_raw(connection, raw_from),
        )


_STARTS = "select started_at from ledger.run order by as_of"


_OLD_RUNS = """
    delete from ledger.run where run_id not in (select run_id from ledger.run order by as_of desc limit $keep)
"""

_OLD_PROBLEMS = "delete from ledger.problem where cleared_at < $before"

_SUPERSEDED_RAW = """
    delete from ledger.raw
    where
        byte_digest in (select byte_digest from ledger.event where as_of < $before)
        and byte_digest not in (
            select byte_digest from ledger.event
            where byte_digest is not null
            qualify row_number() over (partition by document_id order by as_of desc) = 1
        )
"""


def _drop_raw(connection: duckdb.DuckDBPyConnection, before: datetime | None) -> int:
    dropped = run_script(connection, "ledger", "drop_unknown_bytes")
    if before is not None:
        dropped += _count(connection, _SUPERSEDED_RAW, {"before": before})
    packs.free(connection)
    return dropped


def _count(connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, object] | None) -> int:
    row = connection.execute(sql, parameters).fetchone()
    return 0 if row is None else int(row[0])


def compact(connection: duckdb.DuckDBPyConnection, home: Home, *, forget: str | None = None) -> int:
    """Copy the ledger into a new file that takes its place once the connection is closed; return its size in bytes.

    `forget` names a fact of the ledger's `meta` that ends with the old file. The caller holds the lock, closes the
    connection right after and opens the ledger anew. Raises LedgerDamaged where the copy has not the same rows.
    """
    with spill_folder(home.temp) as folder:
        new = folder / home.ledger.name
        connection.execute(f"attach {quoted(str(new))} as {COMPACTED}")
        connection.execute(f"copy from database ledger to {COMPACTED}")
        same = _row_counts(connection, "ledger") == _row_counts(connection, COMPACTED)
        connection.execute(f"delete from {COMPACTED}.meta where name = $1", [forget])
        connection.execute(f"detach {COMPACTED}")
        if not same:
            raise LedgerDamaged("the compacted ledger has not the same rows", where=str(home.ledger))
        give_to_warehouse(new, home.folder, PRIVATE_MODE)
        fsync_file(new)
        size = new.stat().st_size
        new.rename(home.ledger)
        fsync_folder(home.folder)
    return size


def _row_counts(connection: duckdb.DuckDBPyConnection, catalog: str) -> dict[str, int]:
    names = connection.execute(
        "select table_name from duckdb_tables() where database_name = $1 order by 1", [catalog]
    ).fetchall()
    return {str(name): _count(connection, f'select count(*) from {catalog}."{name}"', None) for (name,) in names}
