"""The ledger: opening it, its format version and the few facts that stand in its `meta`.

It is a DuckDB file of its own because it must outlive every release: bytes, versions and mentions are appended and
never rebuilt. Its catalog is called `ledger` after the file; scratch tables of a build live in an in-memory catalog
called `work`, so that nothing of a build is ever written here.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from schemas.batches import RULES_VERSION
from schemas.errors import LedgerDamaged, RunFailed
from warehouse import interrupts
from warehouse.db import NO_LIMITS, WAY_BACK, Limits, ledger_connection, memory_connection, named
from warehouse.home import Home
from warehouse.ledger.migrations import FORMAT_VERSION, MIGRATIONS
from warehouse.ledger.shape import check_tables
from warehouse.sql_files import define_macros, read_sql

EVENT_CHANGE = "event_change"
REWRITTEN = "rewritten_at_change"


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
    check_tables(connection, connection)
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
    tables = {str(row[0]) for row in connection.execute(_TABLES).fetchall()}
    if not tables:
        _create(connection)
        return
    if "meta" not in tables:
        raise LedgerDamaged("the ledger is not a ledger: it has no table `meta`", todo=WAY_BACK)
    told = get_meta(connection, "format_version", "0")
    if not (told.isascii() and told.isdigit()):
        raise LedgerDamaged(f"the ledger's format is {told[:40]!r}, which is no number", todo=WAY_BACK)
    version = int(told)
    if version > FORMAT_VERSION:
        what = f"the ledger has format {version}, this newsmart knows up to {FORMAT_VERSION}"
        raise RunFailed(what, todo="upgrade newsmart")
    _migrate(connection, version)


def check_format(connection: duckdb.DuckDBPyConnection, spill_parent: Path) -> None:
    """Raise LedgerDamaged where a ledger, open read-only, is of today's format and lacks a table that it should have.

    An older one gets them when it is opened; one without any format is told by the next run.
    """
    tables = {str(row[0]) for row in connection.execute(_TABLES).fetchall()}
    if "meta" in tables and get_meta(connection, "format_version", "0") == str(FORMAT_VERSION):
        with memory_connection(spill_parent) as scratch:
            check_tables(connection, scratch)


def check_whole(connection: duckdb.DuckDBPyConnection) -> None:
    """Read every column of every table, so that each block's checksum is verified. Raises what DuckDB finds."""
    columns = connection.execute(
        "select table_name, column_name from duckdb_columns() where database_name = 'ledger'"
    ).fetchall()
    for table, column in columns:
        connection.execute(f"select max(hash({named(column)})) from ledger.{named(table)}").fetchone()


_TABLES = "select table_name from duckdb_tables() where database_name = 'ledger'"


def _create(connection: duckdb.DuckDBPyConnection) -> None:
    with transaction(connection):
        connection.execute(read_sql("ledger", "schema"))
        set_meta(connection, "format_version", str(FORMAT_VERSION))


def _migrate(connection: duckdb.DuckDBPyConnection, version: int) -> None:
    """Apply the steps from the ledger's version on, in one transaction."""
    if version == FORMAT_VERSION:
        return
    with transaction(connection):
        for step in range(version, FORMAT_VERSION):
            connection.execute(MIGRATIONS[step])
        set_meta(connection, "format_version", str(FORMAT_VERSION))


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit the block, or roll all of it back; so also where Ctrl-C came within it and nobody noticed."""
    connection.execute("begin transaction")
    try:
        yield
        interrupts.check()
    except BaseException:
        _roll_back(connection)
        raise
    connection.execute("commit")


def _roll_back(connection: duckdb.DuckDBPyConnection) -> None:
    """Roll back where there is still something to roll back: a fatal error has ended the transaction by itself."""
    try:
        connection.execute("rollback")
    except duckdb.Error:
        return


def get_meta(connection: duckdb.DuckDBPyConnection, name: str, default: str) -> str:
    """Return a fact of the ledger, or the default where it was never set."""
    row = connection.execute("select value from ledger.meta where name = $name", {"name": name}).fetchone()
    return default if row is None else str(row[0])


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


def count_documents(connection: duckdb.DuckDBPyConnection) -> int:
    """Return how many documents the ledger knows, also those that are gone: joins and the build grow with them."""
    ((count,),) = connection.execute("select count(*) from ledger.document").fetchall()
    return int(count)


def last_as_of(connection: duckdb.DuckDBPyConnection) -> tuple[datetime, str] | None:
    """Return the as-of and status of the last recorded run, or None before the first."""
    row = connection.execute("select as_of, status from ledger.run order by as_of desc limit 1").fetchone()
    return None if row is None else (row[0], str(row[1]))
