"""The declarations against the hand-written SQL and against what a release says of itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from schemas.declarations import Table
from schemas.tables import ALL_TABLES, BASE_TABLES, VIEWS
from tests.ledgers import T, lay_tables, memory_ledger
from warehouse.db import memory_connection
from warehouse.release.catalog import (
    SELDOM_READ,
    TABLES_WITH_ROWS,
    attach_staged,
    block_bytes_of,
    comments,
    create_tables,
    folder_of,
)
from warehouse.sql_files import read_sql, sql_names

# Tables of schema ops that a SELECT of their own fills.
OPS_BY_SQL = tuple(table for table in ALL_TABLES if table.name in ("alias", "notice", "release_change"))


@pytest.fixture(scope="module")
def release() -> Iterator[DuckDBPyConnection]:
    """Give an empty release with its comments, only to be read."""
    with memory_ledger() as connection:
        for catalog in ("before", "after"):
            connection.execute(f"attach ':memory:' as {catalog}")
            lay_tables(connection, catalog)
        lay_tables(connection)
        connection.execute(";\n".join(comments()))
        yield connection


def name_of(table: Table) -> str:
    """Name a parametrized test after its table."""
    return table.name


def declared(table: Table) -> dict[str, str]:
    """Return name and type of each column, as declared."""
    return {column.name: column.type for column in table.columns}


@pytest.mark.parametrize("table", (*BASE_TABLES, *VIEWS, *OPS_BY_SQL), ids=name_of)
def test_a_transform_gives_just_the_declared_columns(release: DuckDBPyConnection, table: Table) -> None:
    sql = read_sql(folder_of(table), table.name)
    described = release.execute(f"describe {sql}", {"as_of": T[0]} if "$as_of" in sql else None).fetchall()
    made = {str(row[0]): str(row[1]) for row in described}

    assert {
        "not made": declared(table).items() - made.items(),
        "not declared": made.items() - declared(table).items(),
    } == {
        "not made": set(),
        "not declared": set(),
    }


@pytest.mark.parametrize("table", ALL_TABLES, ids=name_of)
def test_a_release_holds_what_is_declared(release: DuckDBPyConnection, table: Table) -> None:
    described = release.execute(f"describe {table.qualified_name}").fetchall()
    nullable = {str(row[0]): row[2] == "YES" for row in described}

    assert {str(row[0]): str(row[1]) for row in described} == declared(table)
    assert table in VIEWS or nullable == {column.name: column.is_nullable for column in table.columns}


@pytest.mark.parametrize("table", TABLES_WITH_ROWS, ids=name_of)
def test_keys_are_declared_in_the_release(release: DuckDBPyConnection, table: Table) -> None:
    found = release.execute(
        "select constraint_column_names from duckdb_constraints() where database_name = 'news' and schema_name = ? "
        "and table_name = ? and constraint_type = 'PRIMARY KEY'",
        [table.schema, table.name],
    ).fetchall()

    assert [tuple(row[0]) for row in found] == ([table.declared_key] if table.declared_key else [])


def test_texts_that_are_seldom_read_are_compressed_by_zstandard(tmp_path: Path) -> None:
    with memory_connection(tmp_path) as connection:
        attach_staged(connection, tmp_path / "news.duckdb", "news")
        connection.execute("use news")
        connection.execute(";\n".join(create_tables()))
        connection.execute(
            "insert into news.main.article_url by name select 'https://example.com/' || sha256(i::varchar) as url_raw, "
            "'web' as kind, url_raw as url_key, url_raw as loose_key, i as own_key, "
            "timestamp '2026-01-01' as first_seen_at from range(3000) as numbers (i)"
        )
        found = dict(
            connection.execute(
                "select column_name, list(distinct compression) from pragma_storage_info('news.main.article_url') "
                "where segment_type = 'VARCHAR' group by column_name"
            ).fetchall()
        )

    # What DuckDB takes for the others, and for the last few rows of a column, it decides by samples.
    kinds = {name: set(compressions) - {"Uncompressed"} for name, compressions in found.items()}
    assert kinds["loose_key"] == {"ZSTD"}
    assert all("ZSTD" not in kinds[name] for name in ("url_raw", "url_key", "kind"))


def test_texts_that_are_seldom_read_are_columns() -> None:
    columns = {table.name: set(declared(table)) for table in TABLES_WITH_ROWS}

    assert {name for name, texts in SELDOM_READ.items() if not set(texts) <= columns[name]} == set()


def test_every_table_view_and_column_has_its_comment(release: DuckDBPyConnection) -> None:
    sql = """
        select schema_name, table_name, comment from duckdb_tables() where database_name = 'news'
        union all
        select schema_name, view_name, comment from duckdb_views() where database_name = 'news' and not internal
    """
    found: dict[tuple[Any, ...], Any] = {row[:2]: row[2] for row in release.execute(sql).fetchall()}
    columns = release.execute(
        "select schema_name, table_name, column_name, comment from duckdb_columns() "
        "where database_name = 'news' and not internal"
    ).fetchall()

    assert found == {(table.schema, table.name): table.comment for table in ALL_TABLES}
    assert {row[:3]: row[3] for row in columns} == {
        (table.schema, table.name, column.name): column.comment for table in ALL_TABLES for column in table.columns
    }


@pytest.mark.parametrize("table", ALL_TABLES, ids=name_of)
def test_a_declaration_states_grain_and_meaning(table: Table) -> None:
    names = [column.name for column in table.columns]

    assert table.comment.startswith(f"One row per {table.grain}. ")
    assert len(set(names)) == len(names)
    assert set(table.primary_key) <= set(names)


@pytest.mark.parametrize("table", ALL_TABLES, ids=name_of)
def test_names_follow_the_conventions(table: Table) -> None:
    for column in table.columns:
        assert (column.type == "BOOLEAN") == column.name.startswith(("is_", "has_")), column.name
        if column.type == "TIMESTAMP":
            assert column.name.endswith(("_at", "as_of")) or column.name.startswith("valid_")
            assert column.unit == "UTC"


@pytest.mark.parametrize("table", BASE_TABLES, ids=name_of)
def test_references_lead_to_keys(table: Table) -> None:
    tables = {one.name: one for one in BASE_TABLES}
    for key in table.foreign_keys:
        assert key.column in declared(table)
        assert tables[key.table].primary_key == (key.to_column,)
        assert declared(tables[key.table])[key.to_column] == declared(table)[key.column]


def test_every_sql_file_of_a_release_has_its_declaration() -> None:
    folders = ("dimensions", "facts", "history", "views")
    files = {name for folder in folders for name in sql_names(folder)}

    assert files == {table.name for table in (*BASE_TABLES, *VIEWS)}
    assert set(sql_names("ops")) == {table.name for table in OPS_BY_SQL}


def test_a_file_with_blocks_of_a_size_that_is_not_ours_can_be_written(tmp_path: Path) -> None:
    with memory_connection(tmp_path) as connection:
        attach_staged(connection, tmp_path / "news.duckdb", "news", 65_536)
        connection.execute("create table news.one as select 1")
        assert block_bytes_of(connection, "news") == 65_536
