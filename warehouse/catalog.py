"""DDL and comments, rendered from the declarations in schemas/tables.py.

The names come from our own declarations and never from data, and are quoted all the same.
"""

from collections.abc import Iterator

from schemas.declarations import Column, Table
from schemas.tables import ALL_TABLES, BASE_TABLES
from schemas.views import VIEWS
from warehouse.db import named, quoted
from warehouse.sql_files import read_sql

TABLES_WITH_ROWS = tuple(table for table in ALL_TABLES if table.kind != "view")


def create_tables() -> Iterator[str]:
    """Yield the statements that make the schemas and the empty tables, with keys and NOT NULL."""
    yield "create schema if not exists ops"
    for table in TABLES_WITH_ROWS:
        lines = [_column_line(column) for column in table.columns]
        if table.primary_key:
            lines.append(f"primary key ({', '.join(named(name) for name in table.primary_key)})")
        yield f"create table {_full_name(table)} ({', '.join(lines)})"


def create_views() -> Iterator[str]:
    """Yield the statements that make the views; the tables must exist."""
    for view in VIEWS:
        yield f"create view {_full_name(view)} as {read_sql('views', view.name)}"


def comments() -> Iterator[str]:
    """Yield COMMENT ON for every table, view and column."""
    for table in ALL_TABLES:
        kind = "view" if table.kind == "view" else "table"
        yield f"comment on {kind} {_full_name(table)} is {quoted(table.comment)}"
        for column in table.columns:
            yield f"comment on column {_full_name(table)}.{named(column.name)} is {quoted(column.comment)}"


def folder_of(table: Table) -> str:
    """Return the folder below warehouse/sql that holds the table's SELECT."""
    folders = {"dimension": "dimensions", "fact": "facts", "bridge": "facts", "history": "history", "view": "views"}
    return folders.get(table.kind, "ops")


def filled_by_sql() -> tuple[Table, ...]:
    """Return the tables of schema main, each filled by the SELECT in the file named after it."""
    return BASE_TABLES


def _column_line(column: Column) -> str:
    return f"{named(column.name)} {column.type}{'' if column.is_nullable else ' not null'}"


def _full_name(table: Table) -> str:
    return f"{table.schema}.{named(table.name)}"
