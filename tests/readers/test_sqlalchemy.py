"""SQLAlchemy sees the tables with their primary keys and comments, and a pool that keeps nothing sees a new release."""

from pathlib import Path
from typing import Any

import pytest

from schemas.tables import BASE_TABLES, VIEWS
from tests.warehouse.seed_releases import make_release

pytest.importorskip("duckdb_sqlalchemy", reason="duckdb-sqlalchemy is not installed")
sqlalchemy = pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed")


def _engine(file: Path) -> Any:
    from sqlalchemy.pool import NullPool

    return sqlalchemy.create_engine(f"duckdb:///{file}", connect_args={"read_only": True}, poolclass=NullPool)


def test_tables_and_views_are_reflected_with_their_columns_keys_and_comments(file: Path) -> None:
    metadata = sqlalchemy.MetaData()
    metadata.reflect(_engine(file), schema="main", views=True)
    assert set(metadata.tables) == {table.qualified_name for table in (*BASE_TABLES, *VIEWS)}
    for table in BASE_TABLES:
        found = metadata.tables[table.qualified_name]
        assert [column.name for column in found.columns] == list(table.column_names)
        assert {column.name for column in found.primary_key} == set(table.declared_key)
        assert {column.name: str(column.type) for column in found.columns if "INT" in str(column.type)} == {
            column.name: column.type for column in table.columns if "INT" in column.type
        }
        assert found.comment == table.comment
        assert {column.name: column.comment for column in found.columns} == {
            column.name: column.comment for column in table.columns
        }


def test_a_reflected_table_can_be_asked(file: Path) -> None:
    engine = _engine(file)
    articles = sqlalchemy.Table("articles", sqlalchemy.MetaData(), autoload_with=engine)
    asked = sqlalchemy.select(articles.c.title, articles.c.heat).where(articles.c.heat > 100)
    with engine.connect() as connection:
        title = "Increasing use of facial recognition technology in China faces backlash from city governments"
        assert connection.execute(asked).all() == [(title, 240)]


def test_pandas_keeps_a_time_that_nobody_knows_where_it_is_told_that_it_is_one(file: Path) -> None:
    """By itself it takes a column of nothing but NULL for objects, whatever the driver says of its type."""
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    sql = "select last_seen_at from articles where last_seen_at is null"
    assert str(pandas.read_sql(sql, _engine(file)).last_seen_at.dtype) == "object"
    told = pandas.read_sql(sql, _engine(file), parse_dates=["last_seen_at"])
    assert str(told.last_seen_at.dtype).startswith("datetime64")


def test_a_new_release_is_seen_by_the_next_connection(tmp_path: Path) -> None:
    count = sqlalchemy.text("select as_of::date::varchar from ops.release")
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    old, new = make_release("seeds", tmp_path / "one"), make_release("a_day_later", tmp_path / "two")
    file = tmp_path / "news.duckdb"
    file.symlink_to(old)
    engine = _engine(file)
    with engine.connect() as connection:
        assert connection.execute(count).scalar() == "2026-11-20"
    flipped = tmp_path / "flipped"
    flipped.symlink_to(new)
    flipped.replace(file)
    with engine.connect() as connection:
        assert connection.execute(count).scalar() == "2026-11-21"
