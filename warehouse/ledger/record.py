"""Recording what a run saw: compare the scan with the ledger, and, once what is new was read, append events.

In between, warehouse/ledger/intake.py takes in what was read. All of it happens in one transaction that the caller
opens, so that a run that dies leaves the ledger as it was. The classes of the balance come from SQL
(warehouse/sql/ledger) that compares with the state before the as-of; that is why a retry at the same as-of continues
its run and a replacement of its events is safe.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import pyarrow as pa

from warehouse.ledger.heal import keep_each_document_once
from warehouse.ledger.opening import bump_change_number, change_number, note_event_change
from warehouse.ledger.problems import keep_quarantine
from warehouse.ledger.withheld import PURGED
from warehouse.sql_files import read_sql

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
        names = ("seen", *CLASSES, "removed")
        return {name: int(getattr(self, name)) for name in names}


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
    ((count, byte_count),) = connection.execute(_CHANGED_SINCE, values).fetchall()
    connection.unregister("scanned")
    return int(count), int(byte_count)


_CHANGED_SINCE = """
    select count(*), coalesce(sum(size), 0)
    from scanned
    where
        $read_all
        or (
            ctime_ns > (select coalesce(max(known_at_ns), 0) from ledger.file_state)
            and ctime_ns <= $scanned_at_ns
        )
"""


def compare(connection: duckdb.DuckDBPyConnection, observation: Observation) -> pa.Table:
    """Compare the scan with the ledger and return the files to read, in order (columns of ledger/to_read.sql)."""
    _drop_scratch(connection)
    keep_each_document_once(connection)
    sources = pa.table({"source": pa.array(observation.sources, pa.string())})
    unlistable = pa.table(
        {
            "source": pa.array([source for source, _ in observation.unlistable], pa.string()),
            "prefix": pa.array([_prefix(folder) for _, folder in observation.unlistable], pa.string()),
        }
    )
    scanned = pa.concat_tables([observation.files, _unnameable_files(observation)])
    for name, table in (("scanned", scanned), ("sources", sources), ("folders", unlistable)):
        connection.register(name, table)
    connection.execute("create temp table given_source as select * from sources")
    connection.execute("create temp table unlistable as select * from folders")
    connection.execute(f"create temp table seen as {read_sql('ledger', 'compare')}", {"read_all": observation.read_all})
    connection.execute(_FORGET_PURGED)
    connection.execute(_STAGED)
    for statement in _STAGE_UNNAMEABLE:
        connection.execute(statement)
    for name in ("scanned", "sources", "folders"):
        connection.unregister(name)
    listed: pa.Table = connection.sql(read_sql("ledger", "to_read")).to_arrow_table()
    return listed


# What was taken down is not seen: it belongs to no class of the balance.
_FORGET_PURGED = """
    delete from seen
    where
        exists (select 1 from ledger.tombstone where kind = 'document')
        and sha256(source || chr(0) || path) in (select value from ledger.tombstone where kind = 'document')
"""

_FORGET_PURGED_ARTICLES = (
    "delete from seen where document_id in (select document_id from staged_document where outcome = $purged)",
    "delete from staged_document where outcome = $purged",
)

_UNNAMEABLE_SIZE = -1


def _unnameable_files(observation: Observation) -> pa.Table:
    rows = [
        {"source": source, "path": path, "size": _UNNAMEABLE_SIZE, "mtime_ns": 0, "ctime_ns": 0, "inode": 0}
        for source, path in dict.fromkeys(observation.unnameable)
    ]
    return pa.Table.from_pylist(rows, schema=observation.files.schema)


_STAGE_UNNAMEABLE = (
    """
    insert into temp.staged_document by name
    select document_id, 'bad' as outcome, size, mtime_ns, ctime_ns, inode from seen where size < 0
    """,
    """
    insert into temp.staged_problem by name
    select
        document_id,
        'document' as scope,
        '' as field,
        'bad_name' as reason,
        'a file name in UTF-8' as expected,
        path as found
    from seen
    where size < 0
    """,
)


def _prefix(folder: str) -> str:
    return "" if folder in ("", ".") else folder.rstrip("/") + "/"


_SCRATCH = (
    "seen",
    "given_source",
    "unlistable",
    "staged_document",
    "staged_problem",
    "observed",
    "desired_event",
    "known_url",
    "continued",
)

_STAGED = """
create temp table staged_document (
    document_id bigint,
    outcome varchar,
    size bigint,
    mtime_ns bigint,
    ctime_ns bigint,
    inode bigint,
    byte_count bigint,
    byte_digest blob,
    content_digest blob
);
create temp table staged_problem (
    document_id bigint,
    position bigint,
    scope varchar,
    line bigint,
    "column" bigint,
    field varchar,
    reason varchar,
    expected varchar,
    found varchar
);
"""


def _drop_scratch(connection: duckdb.DuckDBPyConnection) -> None:
    for name in _SCRATCH:
        connection.execute(f"drop table if exists temp.{name}")


def settle(connection: duckdb.DuckDBPyConnection, as_of: datetime, scanned_at_ns: int) -> Balance:
    """Append this run's events, note what is known of each file, keep the quarantine, and return the balance."""
    at = {"as_of": as_of}
    for statement in _FORGET_PURGED_ARTICLES:
        connection.execute(statement, {"purged": PURGED})
    connection.execute(_NEW_DOCUMENTS)
    connection.execute(f"create temp table observed as {read_sql('ledger', 'observed')}", at)
    connection.execute(f"create temp table desired_event as {read_sql('ledger', 'desired_event')}", at)
    balance = _balance(connection)
    _write_events(connection, as_of)
    connection.execute(_FORGET_FILES)
    connection.execute(_KNOW_FILES, {"scanned_at_ns": scanned_at_ns})
    keep_quarantine(connection, as_of)
    _drop_scratch(connection)  # the build wants the memory
    return balance


_NEW_DOCUMENTS = """
    insert into ledger.document by name
    select
        document_id,
        surrogate_key(source || chr(0) || path) as document_key,
        source,
        path
    from seen
    where is_unknown
"""

_FORGET_FILES = """
    delete from ledger.file_state
    where document_id in (select document_id from staged_document where outcome <> 'vanished')
"""

_KNOW_FILES = """
    insert into ledger.file_state by name
    select
        staged.document_id,
        coalesce(staged.size, seen.size) as size,
        coalesce(staged.mtime_ns, seen.mtime_ns) as mtime_ns,
        coalesce(staged.ctime_ns, seen.ctime_ns) as ctime_ns,
        coalesce(staged.inode, seen.inode) as inode,
        $scanned_at_ns as known_at_ns,
        coalesce(staged.byte_digest, case when staged.outcome = 'same_bytes' then seen.byte_digest end) as byte_digest,
        case
            when staged.outcome = 'same_bytes' then seen.content_digest
            else staged.content_digest
        end as content_digest,
        observed.class = 'quarantined' as is_bad
    from staged_document as staged
    inner join seen on seen.document_id = staged.document_id
    inner join observed on observed.document_id = staged.document_id
"""


def _balance(connection: duckdb.DuckDBPyConnection) -> Balance:
    counts = dict(connection.execute("select class, count(*) from observed group by class").fetchall())
    by_class = {name: int(counts.get(name, 0)) for name in CLASSES}
    return Balance(seen=_count(connection, _SEEN), removed=_count(connection, _REMOVED), **by_class)


def _count(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return 0 if row is None else int(row[0])


# Counted from the scan and not from the classes, so that the audit of the balance can find a document that got none.
_SEEN = """
    select count(*) from seen
    where document_id not in (select document_id from staged_document where outcome = 'vanished')
"""

_REMOVED = "select count(*) from desired_event where content_id is null"


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
