"""The catalog of a release: how its file is attached, its DDL and comments, rendered from schemas/tables.py.

The names come from our own declarations and never from data, and are quoted all the same.

Long texts that are seldom asked for are compressed by Zstandard: smaller, and quicker to write than FSST, which DuckDB
left to itself takes after trying all it has. Not so titles and URLs: a question that shows ten of them would decompress
two thousand, and took up to twice as long (measured).
"""

from collections.abc import Collection, Iterator
from pathlib import Path

import duckdb

from schemas.declarations import Column, Table
from schemas.tables import ALL_TABLES, VIEWS
from warehouse.db import named, quoted
from warehouse.sql_files import read_sql

# The newest storage version that drivers of DuckDB 1.2 open; 2.0.0's own default is unreadable before 2.0.
STORAGE_VERSION = "v1.2.0"
# A block is the least that a column or an index takes: DuckDB's own 262,144 makes 8.7 MB of the seeds' 25 articles,
# the small one 1.2 MB; at 40,000 mentions the file is a third smaller, and reading it takes the same time (measured).
# A large release has DuckDB's own: what a transaction has written is spilled block by block, and a block of another
# size gets a file of its own. For 684,000 articles those were 11,000 files, and took up to a third of the build.
SMALL_BLOCK_BYTES, LARGE_BLOCK_BYTES = 32_768, 262_144
# Rows are compressed when so many are together, by the thread that inserts them; the rest waits for the commit, which
# lets one thread do it. With DuckDB's own 122,880 that was nearly all; with 8,192 a file of large blocks is a tenth
# larger.
ROW_GROUP_ROWS = {SMALL_BLOCK_BYTES: 8_192, LARGE_BLOCK_BYTES: 30_720}

SELDOM_READ = {
    "dim_article": ("excerpt", "authors", "featured_content"),
    "dim_image": ("title", "attribution"),
    "article_url": ("loose_key",),
    "contract": ("yaml",),
}

TABLES_WITH_ROWS = tuple(table for table in ALL_TABLES if table.kind != "view")


def attach_staged(
    connection: duckdb.DuckDBPyConnection, path: Path, alias: str, block_bytes: int = SMALL_BLOCK_BYTES
) -> None:
    """Attach the file of a release that is being made, for writing, at the storage version that old drivers read.

    With other sizes than those that it was made with, DuckDB would write all of it anew at the first commit.
    """
    connection.execute(
        f"attach {quoted(str(path))} as {named(alias)} "
        f"(storage_version {quoted(STORAGE_VERSION)}, block_size {block_bytes}, "
        f"row_group_size {ROW_GROUP_ROWS.get(block_bytes, ROW_GROUP_ROWS[SMALL_BLOCK_BYTES])})"
    )


def block_bytes_of(connection: duckdb.DuckDBPyConnection, alias: str) -> int:
    """Return the size of the blocks of an attached release."""
    sql = "select block_size from pragma_database_size() where database_name = ?"
    ((block_bytes,),) = connection.execute(sql, [alias]).fetchall()
    return int(block_bytes)


def attach_release(connection: duckdb.DuckDBPyConnection, path: Path, alias: str) -> None:
    """Attach a release read-only, under another name than its file's, so that two releases can be compared."""
    connection.execute(f"attach {quoted(str(path.resolve()))} as {named(alias)} (read_only)")


def create_tables(*, without_key: Collection[Table] = ()) -> Iterator[str]:
    """Yield the statements that make the schemas and the empty tables, with keys and NOT NULL.

    `without_key`: tables that get their keys later, by `add_key`.
    """
    yield "create schema if not exists ops"
    for table in TABLES_WITH_ROWS:
        seldom = SELDOM_READ.get(table.name, ())
        lines = [_column_line(column, is_seldom_read=column.name in seldom) for column in table.columns]
        if table.declared_key and table not in without_key:
            lines.append(_key(table))
        yield f"create table {_full_name(table)} ({', '.join(lines)})"


def add_key(table: Table) -> str:
    """Return the statement that gives a table its key."""
    return f"alter table {_full_name(table)} add {_key(table)}"


def _key(table: Table) -> str:
    return f"primary key ({', '.join(named(name) for name in table.declared_key)})"


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


def _column_line(column: Column, *, is_seldom_read: bool) -> str:
    constraint = "" if column.is_nullable else " not null"
    return f"{named(column.name)} {column.type}{constraint}{' using compression zstd' if is_seldom_read else ''}"


def _full_name(table: Table) -> str:
    return f"{table.schema}.{named(table.name)}"
