"""Whether a ledger's tables are those that newsmart makes: with every column, of its type.

A backup comes from wherever somebody kept it, and a build believes the ledger. That a ledger holds tables only, nothing
that is SQL, is seen whenever one is opened (`db.py`); here each table is compared with the declaration, the script
that makes a new ledger. Rejected: a list of columns of its own, which would be a second declaration.
"""

import duckdb

from schemas.errors import LedgerDamaged
from warehouse.db import WAY_BACK
from warehouse.sql_files import read_sql

# The catalog, in memory, in which an empty ledger is made to compare with.
DECLARED = "declared"


def check_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Raise LedgerDamaged where a table of the ledger lacks a column, or one is of another type.

    In: a connection whose main catalog is `ledger`, of today's format. Tables that are not declared are let be: nothing
    reads them, or it makes them itself.
    """
    connection.execute(f"attach ':memory:' as {DECLARED}")
    try:
        connection.execute(f"use {DECLARED}")
        connection.execute(read_sql("ledger", "schema"))
        connection.execute("use ledger")
        missing = sorted(_columns(connection, DECLARED) - _columns(connection, "ledger"))
    finally:
        connection.execute("use ledger")
        connection.execute(f"detach {DECLARED}")
    if missing:
        table, column, kind = missing[0]
        raise LedgerDamaged(f"the ledger's table {table} has no column {column} of type {kind}", todo=WAY_BACK)


def _columns(connection: duckdb.DuckDBPyConnection, catalog: str) -> set[tuple[str, str, str]]:
    rows = connection.execute(read_sql("ledger", "columns"), {"catalog": catalog}).fetchall()
    return {(str(table), str(column), str(kind)) for table, column, kind in rows}
