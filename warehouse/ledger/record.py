"""Recording what a run saw: compare the scan with the ledger, and, once what is new was read, append events.

In between, warehouse/ledger/intake.py takes in what was read. All of it happens in one transaction that the caller
opens, so that a run that dies leaves the ledger as it was. The classes of the balance come from SQL
(warehouse/sql/ledger) that compares with the state before the as-of; that is why a retry at the same as-of continues
its run and a replacement of its events is safe.

An empty mount point looks like a publisher who took everything down. A folder given under a new name looks like a
second source, as the name is the identity. Both are asked only of the few sources for which it can be so.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import duckdb
import pyarrow as pa

from warehouse.ledger.opening import bump_change_number, change_number, note_event_change, note_rewritten_past
from warehouse.sql_files import read_sql, run_script

CLASSES = ("new", "changed", "touched", "unchanged", "quarantined")


@dataclass(frozen=True, slots=True)
class Observation:
    """What a run looked at: the scan, the sources given, the folders that could not be listed.

    `unnameable` are (source, escaped path) of files whose names are no text: they count as documents, all bad.
    """

    files: pa.Table
    sources: Sequence[str]
    unlistable: Sequence[tuple[str, str]]
    unnameable: Sequence[tuple[str, str]]
    read_all: bool


@dataclass(frozen=True, slots=True)
class Balance:
    """How many documents were seen, by class; removed is counted beside it."""

    seen: int
    new: int
    changed: int
    touched: int
    unchanged: int
    quarantined: int
    removed: int

    def as_dict(self) -> dict[str, int]:
        """The names of `run --json`, in their order."""
        return asdict(self)


def expected_work(
    connection: duckdb.DuckDBPyConnection, observation: Observation, scanned_at_ns: int
) -> tuple[int, int]:
    """Guess how many documents will have to be read, and their bytes, from the times when they changed alone.

    It takes a hundredth of the time of `compare`, which knows. A change that another source's run came after is missed.
    A time after the scan's tells nothing, and would at every run: the clock has gone back, or it is none, for stores
    put digests in its place.
    """
    connection.register("scanned", observation.files)
    values = {"read_all": observation.read_all, "scanned_at_ns": scanned_at_ns}
    ((count, byte_count),) = connection.execute(read_sql("ledger", "changed_since"), values).fetchall()
    connection.unregister("scanned")
    return int(count), int(byte_count)


def compare(connection: duckdb.DuckDBPyConnection, observation: Observation) -> pa.Table:
    """Compare the scan with the ledger and return the files to read, in order (columns of ledger/to_read.sql)."""
    _keep_each_document_once(connection)
    given = {
        "sources": list(observation.sources),
        "unlistable_sources": [source for source, _ in observation.unlistable],
        "unlistable_folders": [folder for _, folder in observation.unlistable],
    }
    run_script(connection, "ledger", "given_source", given)
    connection.register("scanned", pa.concat_tables([observation.files, _unnameable_files(observation)]))
    seen = f"create or replace temp table seen as {read_sql('ledger', 'compare')}"
    connection.execute(seen, {"read_all": observation.read_all})
    connection.unregister("scanned")
    run_script(connection, "ledger", "stage_scan")
    listed: pa.Table = connection.sql(read_sql("ledger", "to_read")).to_arrow_table()
    return listed


def _keep_each_document_once(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove the rows of documents that an earlier newsmart recorded twice; nearly always there are none.

    A file could be named as another one's escaped name is. Names are told apart now, but each run doubled such rows
    again, and no release could be built. Not a migration: no format has changed.
    """
    keys = "select count(*) > count(distinct document_key) from ledger.document"
    if connection.execute(keys).fetchall() != [(True,)]:
        return
    run_script(connection, "ledger", "heal_documents")
    note_rewritten_past(connection)


_UNNAMEABLE_SIZE = -1


def _unnameable_files(observation: Observation) -> pa.Table:
    rows = [
        {"source": source, "path": path, "size": _UNNAMEABLE_SIZE, "mtime_ns": 0, "ctime_ns": 0, "inode": 0}
        for source, path in dict.fromkeys(observation.unnameable)
    ]
    return pa.Table.from_pylist(rows, schema=observation.files.schema)


def append_events(connection: duckdb.DuckDBPyConnection, as_of: datetime, scanned_at_ns: int) -> Balance:
    """Append this run's events, note what is known of each file, keep the quarantine, and return the balance."""
    at = {"as_of": as_of}
    run_script(connection, "ledger", "forget_purged_articles")
    connection.execute(read_sql("ledger", "new_document"))
    connection.execute(f"create or replace temp table observed as {read_sql('ledger', 'observed')}", at)
    connection.execute(f"create or replace temp table desired_event as {read_sql('ledger', 'desired_event')}", at)
    balance = _balance(connection)
    _write_events(connection, as_of)
    run_script(connection, "ledger", "know_files", {"scanned_at_ns": scanned_at_ns})
    run_script(connection, "ledger", "keep_quarantine", at)
    run_script(connection, "ledger", "drop_scratch")
    return balance


def _balance(connection: duckdb.DuckDBPyConnection) -> Balance:
    counts = dict(connection.execute("select class, count(*) from observed group by class").fetchall())
    by_class = {name: int(counts.get(name, 0)) for name in CLASSES}
    ((seen, removed),) = connection.execute(_SEEN_AND_REMOVED).fetchall()
    return Balance(seen=int(seen), removed=int(removed), **by_class)


# Counted from the scan and not from the classes, so that the audit of the balance can find a document that got none.
_SEEN_AND_REMOVED = """
    select
        (select count(*) from seen
         where document_id not in (select document_id from staged_document where outcome = 'vanished')),
        (select count(*) from desired_event where content_id is null),
"""


def _write_events(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> None:
    at = {"as_of": as_of}
    stale = connection.execute(
        "delete from ledger.event where as_of = $as_of and document_id in "
        f"(select document_id from ({read_sql('ledger', 'stale_event')}))",
        at,
    ).fetchone()
    fresh = connection.execute(f"insert into ledger.event by name {read_sql('ledger', 'fresh_event')}", at).fetchone()
    if (stale is not None and stale[0]) or (fresh is not None and fresh[0]):
        bump_change_number(connection)
        note_event_change(connection, change_number(connection))


def vanished(
    connection: duckdb.DuckDBPyConnection, empty: Sequence[str], unlistable: Sequence[tuple[str, str]]
) -> list[tuple[str, int]]:
    """Return the sources that had documents, and how many, of those that show none.

    In: the names of sources in which nothing was found; the folders, by source, of which nothing is known (those are
    not counted).
    """
    if not empty:
        return []
    run_script(connection, "ledger", "document_there")
    names = [source for source, _ in unlistable]
    prefixes = [f"{folder}/" if folder else "" for _, folder in unlistable]
    rows = connection.execute(
        read_sql("ledger", "vanished"), {"sources": list(empty), "names": names, "prefixes": prefixes}
    ).fetchall()
    return [(str(source), int(count)) for source, count in rows]


def renamed(connection: duckdb.DuckDBPyConnection, given: Sequence[str], files: pa.Table) -> list[tuple[str, str, int]]:
    """Return (old name, new name, count) where a source that is new holds mostly paths of one that was not given.

    In: the sources that are given, and the files found in them (schemas.batches.FILES).
    """
    known = {str(row[0]) for row in connection.execute("select distinct source from ledger.document").fetchall()}
    if not known - set(given) or not set(given) - known:
        return []
    run_script(connection, "ledger", "document_there")
    connection.register("absent_file", files)
    rows = connection.execute(read_sql("ledger", "renamed"), {"given": list(given)}).fetchall()
    connection.unregister("absent_file")
    return [(str(old), str(new), int(count)) for old, new, count in rows]
