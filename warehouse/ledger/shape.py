"""Whether a ledger's tables are those that newsmart makes: with every column, of its type.

A backup comes from wherever somebody kept it, and a build believes the ledger. That a ledger holds tables only, nothing
that is SQL, is seen whenever one is opened (`db.py`); here each table is compared with the declaration, the script
that makes a new ledger. Rejected: a list of columns of its own, which would be a second declaration.
"""

import re

import duckdb

from schemas.errors import LedgerDamaged
from warehouse.db import WAY_BACK, named
from warehouse.sql_files import read_sql

# The catalog, in memory, in which an empty ledger is made to compare with.
DECLARED = "declared"
# The shelves (`packs.py`) are made as they are needed, so the script does not name them.
SHELF_PREFIX = "shelf_"
SHELF_COLUMNS = {("pack_id", "BIGINT"), ("bytes", "BLOB")}
_SHELF = re.compile(SHELF_PREFIX + "(0|[1-9][0-9]{0,8})", re.ASCII)


def is_shelf(table: str) -> bool:
    """Return whether a table is a shelf, by its name."""
    return _SHELF.fullmatch(table) is not None


def check_tables(connection: duckdb.DuckDBPyConnection, scratch: duckdb.DuckDBPyConnection) -> None:
    """Raise LedgerDamaged where a table of the ledger lacks a column, or one is of another type.

    In: a connection whose main catalog is `ledger`, of today's format; one that may attach a catalog in memory, which a
    read-only one may not. Tables that are not declared are let be: nothing reads them, or it makes them itself.
    """
    found = _columns(connection, "ledger")
    shelves = {table for table, _, _ in found if is_shelf(table)}
    wanted = _declared(scratch) | {(shelf, *column) for shelf in shelves for column in SHELF_COLUMNS}
    missing = sorted(wanted - found)
    if missing:
        table, column, kind = missing[0]
        raise LedgerDamaged(f"the ledger's table {table} has no column {column} of type {kind}", todo=WAY_BACK)


def _declared(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    ((catalog,),) = connection.execute("select current_database()").fetchall()
    connection.execute(f"attach ':memory:' as {DECLARED}")
    try:
        connection.execute(f"use {DECLARED}")
        connection.execute(read_sql("ledger", "schema"))
        return _columns(connection, DECLARED)
    finally:
        connection.execute(f"use {named(str(catalog))}")
        connection.execute(f"detach {DECLARED}")


def _columns(connection: duckdb.DuckDBPyConnection, catalog: str) -> set[tuple[str, str, str]]:
    rows = connection.execute(read_sql("ledger", "columns"), {"catalog": catalog}).fetchall()
    return {(str(table), str(column), str(kind)) for table, column, kind in rows}
