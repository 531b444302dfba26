"""Ledgers in memory, and rows in and out of them, for tests of single SQL transforms.

The scratch tables are made by the transforms themselves, over an empty ledger, so that a test gives rows to tables
that have the very types they have in a build. That is done once a process and copied for each test, which takes a third
of the time.
"""

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import duckdb

from schemas.batches import key_of_digest
from warehouse.ledger.opening import prepare
from warehouse.release.catalog import create_tables, create_views
from warehouse.release.work import lay_out
from warehouse.sql_files import define_macros, read_sql

# Moments at which things happen in the tests: T[1] is later than T[0].
T = tuple(datetime(2024, 1, 1) + timedelta(days=day) for day in range(10))

Row = tuple[Any, ...]


def surrogate_key(*parts: str) -> int:
    """Return the key of a natural key: that of SHA-256 over its parts, joined by NUL. SQL makes it in a build."""
    return key_of_digest(sha256("\0".join(parts).encode()).digest())


_DEFAULTS: dict[str, dict[str, Any]] = {
    "ledger.entry": {"entry_digest": b"", "title_flaw": 0, "excerpt_flaw": 0, "provider_name_flaw": 0},
    "ledger.url": {"is_front_page": False, "is_amp": False},
    "ledger.document": {"source": "news"},
    "work.entry_url": {
        "is_front_page": False,
        "is_amp": False,
        "kind": 1,
        "is_identifying": True,
        "first_seen_at": T[0],
    },
}


@contextmanager
def memory_ledger() -> Iterator[duckdb.DuckDBPyConnection]:
    """Open an empty ledger in memory, with the catalogs `work` (scratch tables, empty) and `news` (empty)."""
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        for catalog in ("ledger", "work", "base"):
            connection.execute(f"attach ':memory:' as {catalog}")
            connection.execute(f"attach '{_empty_catalogs() / catalog}' as empty (read_only)")
            connection.execute(f"copy from database empty to {catalog}")
            connection.execute("detach empty")
        connection.execute("attach ':memory:' as news")
        connection.execute("use ledger")
        define_macros(connection)
        yield connection


@cache
def _empty_catalogs() -> Path:
    """Return a folder of database files, one for each catalog that a run has open before it begins."""
    folder = Path(tempfile.mkdtemp(prefix="newsmart-ledgers-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with duckdb.connect(":memory:", config={"threads": 1}) as connection:
        connection.execute("attach ':memory:' as ledger")
        connection.execute("attach ':memory:' as news")
        connection.execute("use ledger")
        prepare(connection)
        lay_out(connection, T[0])
        for catalog in ("ledger", "work", "base"):
            connection.execute(f"attach '{folder / catalog}' as filled")
            connection.execute(f"copy from database {catalog} to filled")
            connection.execute("detach filled")
    return folder


def lay_tables(connection: duckdb.DuckDBPyConnection, catalog: str = "news") -> None:
    """Make the empty tables and the views of a release in a catalog, and use it."""
    connection.execute(f"use {catalog}")
    connection.execute(";\n".join([*create_tables(), *create_views()]))


def put(connection: duckdb.DuckDBPyConnection, table: str, *rows: Mapping[str, Any]) -> None:
    """Insert rows, given by column name; columns not given are NULL, or what most tests do not care for."""
    for row in rows:
        values = {**_DEFAULTS.get(table, {}), **row}
        names = ", ".join(f'"{name}"' for name in values)
        marks = ", ".join("?" * len(values))
        connection.execute(f"insert into {table} ({names}) values ({marks})", list(values.values()))


def select(
    connection: duckdb.DuckDBPyConnection,
    folder: str,
    name: str,
    columns: str = "*",
    parameters: Mapping[str, Any] | None = None,
) -> list[Row]:
    """Run one transform and return these columns of its rows, sorted."""
    sql = f"select {columns} from ({read_sql(folder, name)}) as made order by all nulls first"
    return connection.execute(sql, None if parameters is None else dict(parameters)).fetchall()


def make_work(connection: duckdb.DuckDBPyConnection, name: str, parameters: Mapping[str, Any] | None = None) -> None:
    """Run one scratch transform into its table, as a build does."""
    sql = f"create or replace table work.{name} as {read_sql('work', name)}"
    connection.execute(sql, None if parameters is None else dict(parameters))
