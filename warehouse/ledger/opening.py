"""The ledger: opening it, its format and its tables, and the few facts that stand in its `meta`.

It is a DuckDB file of its own because it must outlive every release: bytes, versions and mentions are appended and
never rebuilt. Its catalog is called `ledger` after the file; scratch tables of a build live in an in-memory catalog
called `work`, so that nothing of a build is ever written here.

A backup comes from wherever somebody kept it, and a build believes the ledger. That a ledger holds tables only, nothing
that is SQL, is seen whenever one is opened (`db.py`); here each table is compared with the script that makes a new
ledger. Rejected: a list of columns in Python, which would be a second declaration.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime

import duckdb
import pyarrow as pa

from schemas.batches import RULES_VERSION
from schemas.errors import LedgerDamaged, RunFailed
from warehouse import interrupts
from warehouse.db import NO_LIMITS, Limits, ledger_connection, named
from warehouse.explain import WAY_BACK
from warehouse.home import Home
from warehouse.sql_files import define_macros, read_sql

FORMAT_VERSION = 3
"""The script `sql/ledger/migrate_N.sql` brings a ledger of format N to the next. It is never edited once released."""

EVENT_CHANGE = "event_change"
REWRITTEN = "rewritten_at_change"
# The shelves (`packs.py`) are made as they are needed, so the script does not name them.
SHELF_PREFIX = "shelf_"
SHELF_COLUMNS = {("pack_id", "BIGINT"), ("bytes", "BLOB")}
_SHELF = re.compile(SHELF_PREFIX + "(0|[1-9][0-9]{0,8})", re.ASCII)

# Table, column and type.
Column = tuple[str, str, str]


@contextmanager
def open_ledger(home: Home, *, limits: Limits = NO_LIMITS) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the ledger for writing, made or migrated where needed, with the catalog `work` attached.

    The caller holds the warehouse's lock. Raises LedgerDamaged where it does not open or is no ledger, RunFailed where
    a newer newsmart wrote it.
    """
    with ledger_connection(home.ledger, limits=limits) as connection:
        prepare(connection)
        yield connection


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Bring a connection whose main catalog is `ledger` to where runs expect it."""
    connection.execute("attach ':memory:' as work")
    define_macros(connection)
    _bring_to_format(connection)
    if get_meta(connection, "rules_version", "") != str(RULES_VERSION):
        # Not at the top: it brings Pydantic, which most runs can do without.
        from schemas.documents import ENTRIES

        add_columns(connection, ENTRIES)
    check_tables(connection)
    show_whole_ledger(connection)


def show_whole_ledger(connection: duckdb.DuckDBPyConnection) -> None:
    """Let the transforms read the whole ledger: the catalog `base` has a view on each of its tables."""
    connection.execute("detach database if exists base")
    connection.execute("attach ':memory:' as base")
    connection.execute(read_sql("scope", "whole"))


def add_columns(connection: duckdb.DuckDBPyConnection, entries: pa.Schema) -> None:
    """Give ledger.entry a column for each field of a document that newsmart has learnt since the ledger was made."""
    known = {name for (name,) in connection.execute("select column_name from (describe ledger.entry)").fetchall()}
    if known.issuperset(entries.names):
        return
    connection.register("entries_to_come", entries.empty_table())
    described = connection.execute("select column_name, column_type from (describe entries_to_come)").fetchall()
    connection.unregister("entries_to_come")
    for name, kind in described:
        if name not in known:
            connection.execute(f"alter table ledger.entry add column {named(name)} {kind}")


def _bring_to_format(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables of a new ledger, or migrate an older one, in one transaction."""
    version = read_format(connection)
    if version == FORMAT_VERSION:
        return
    if version is not None and version > FORMAT_VERSION:
        what = f"the ledger has format {version}, this newsmart knows up to {FORMAT_VERSION}"
        raise RunFailed(what, todo="upgrade newsmart")
    steps = ["schema"] if version is None else [f"migrate_{step}" for step in range(version, FORMAT_VERSION)]
    with ledger_transaction(connection):
        for step in steps:
            connection.execute(read_sql("ledger", step))
        set_meta(connection, "format_version", str(FORMAT_VERSION))


def read_format(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the format of the ledger that a connection has opened, None where it has no tables yet.

    Raises LedgerDamaged where it is no ledger.
    """
    tables = table_names(connection)
    if not tables:
        return None
    if "meta" not in tables:
        raise LedgerDamaged("the ledger is not a ledger: it has no table `meta`", todo=WAY_BACK)
    version = get_meta(connection, "format_version", "")
    if not re.fullmatch("[1-9][0-9]{0,8}", version):  # Python refuses to read 5,000 digits
        raise LedgerDamaged(f"the ledger's format is {version[:40]!r}, which is no number from 1 on", todo=WAY_BACK)
    return int(version)


def table_names(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the names of the ledger's tables."""
    return {table for table, _, _ in _columns(connection, "ledger")}


def is_shelf(table: str) -> bool:
    """Return whether a table is a shelf, by its name."""
    return _SHELF.fullmatch(table) is not None


def check_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise LedgerDamaged where a table of a ledger of today's format lacks a column, or one is of another type.

    Tables that are not declared are let be: nothing reads them, or it makes them itself.
    """
    found = _columns(connection, "ledger")
    shelves = {table for table, _, _ in found if is_shelf(table)}
    wanted = _declared(connection) | {(shelf, *column) for shelf in shelves for column in SHELF_COLUMNS}
    missing = sorted(wanted - found)
    if missing:
        table, column, kind = missing[0]
        raise LedgerDamaged(f"the ledger's table {table} has no column {column} of type {kind}", todo=WAY_BACK)


def _declared(connection: duckdb.DuckDBPyConnection) -> set[Column]:
    """Return the columns of a new ledger. A database in memory of its own would take five times as long to open."""
    ((catalog,),) = connection.execute("select current_database()").fetchall()
    connection.execute("attach ':memory:' as declared")
    connection.execute("use declared")
    connection.execute(read_sql("ledger", "schema"))
    columns = _columns(connection, "declared")
    connection.execute(f"use {named(str(catalog))}")
    connection.execute("detach declared")
    return columns


def _columns(connection: duckdb.DuckDBPyConnection, catalog: str) -> set[Column]:
    rows = connection.execute(read_sql("ledger", "columns"), {"catalog": catalog}).fetchall()
    return {(str(table), str(column), str(kind)) for table, column, kind in rows}


def check_whole(connection: duckdb.DuckDBPyConnection) -> None:
    """Read every column of every table, so that each block's checksum is verified. Raises what DuckDB finds."""
    for table, column, _ in _columns(connection, "ledger"):
        connection.execute(f"select max(hash({named(column)})) from ledger.{named(table)}").fetchone()


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit the block, or roll all of it back; so also where Ctrl-C came within it and nobody noticed."""
    connection.execute("begin transaction")
    try:
        yield
        interrupts.check()
    except BaseException:
        with suppress(duckdb.Error):  # a fatal error has ended the transaction by itself
            connection.execute("rollback")
        raise
    connection.execute("commit")


@contextmanager
def ledger_transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit the block or roll it back, as `transaction`, by one thread: whatever adds to the ledger goes this way.

    DuckDB 2.0.0 loses rows where two threads insert more than a row group of them into a table, and an insert of no row
    into it came before in the same transaction. Our `wal_autocheckpoint` prevents it in some cases and not in all, and
    which insert finds nothing to add, the documents decide.
    """
    ((threads,),) = connection.execute("select current_setting('threads')").fetchall()
    connection.execute("set threads = 1")
    try:
        with transaction(connection):
            yield
    finally:
        with suppress(duckdb.Error):  # a fatal error has ended the connection too
            connection.execute(f"set threads = {int(threads)}")


def get_meta(connection: duckdb.DuckDBPyConnection, name: str, default: str) -> str:
    """Return a fact of the ledger, or the default where it was never set."""
    rows = connection.execute("select value from ledger.meta where name = $name", {"name": name}).fetchall()
    return str(rows[0][0]) if rows else default


def set_meta(connection: duckdb.DuckDBPyConnection, name: str, value: str) -> None:
    """Set a fact of the ledger."""
    connection.execute("delete from ledger.meta where name = $name", {"name": name})
    connection.execute("insert into ledger.meta values ($name, $value)", {"name": name, "value": value})


def change_number(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many times the events of the ledger were changed; a release notes it, so that it knows its age."""
    return int(get_meta(connection, "change_number", "0"))


def bump_change_number(connection: duckdb.DuckDBPyConnection) -> None:
    """Note that the events, or the rules under which they are read, are other than before."""
    set_meta(connection, "change_number", str(change_number(connection) + 1))


def note_rewritten_past(connection: duckdb.DuckDBPyConnection) -> None:
    """Note that what was recorded before is other than it was: no release from before it can be gone on from."""
    bump_change_number(connection)
    set_meta(connection, REWRITTEN, str(change_number(connection)))
    connection.execute("delete from ledger.entry_key")


def event_change(connection: duckdb.DuckDBPyConnection) -> int:
    """Return the change at which a run last recorded events; a takedown or a second reading is no such change."""
    return int(get_meta(connection, EVENT_CHANGE, str(change_number(connection))))


def note_event_change(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    """Note the change at which a run last recorded events."""
    set_meta(connection, EVENT_CHANGE, str(number))


def count_rows(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    """Return how many rows a table of the ledger has. What runs need in memory grows with documents, entries, URLs."""
    ((count,),) = connection.execute(f"select count(*) from ledger.{table}").fetchall()
    return int(count)


def last_as_of(connection: duckdb.DuckDBPyConnection) -> tuple[datetime, str] | None:
    """Return the as-of and status of the last recorded run, or None before the first."""
    row = connection.execute("select as_of, status from ledger.run order by as_of desc limit 1").fetchone()
    return None if row is None else (row[0], str(row[1]))
