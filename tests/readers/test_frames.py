"""pandas and polars read every view through DuckDB's own methods, with keys exact and NULL kept NULL."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from schemas.tables import ALL_TABLES
from warehouse.db import release_connection


@pytest.fixture(params=["pandas", "polars"])
def read(request: pytest.FixtureRequest) -> Callable[[Any], Any]:
    pytest.importorskip(request.param, reason=f"{request.param} is not installed")
    return {"pandas": lambda relation: relation.df(), "polars": lambda relation: relation.pl()}[request.param]


def test_every_table_and_view_is_read_whole(file: Path, read: Callable[[Any], Any]) -> None:
    with release_connection(file) as connection:
        for table in ALL_TABLES:
            ((count,),) = connection.execute(f"select count(*) from {table.qualified_name}").fetchall()
            frame = read(connection.sql(f"from {table.qualified_name}"))
            assert tuple(frame.columns) == table.column_names
            assert len(frame) == count


def test_keys_are_exact_and_unknown_heat_is_not_a_number(file: Path, read: Callable[[Any], Any]) -> None:
    sql = "select article_key, heat from articles order by article_key"
    with release_connection(file) as connection:
        rows = connection.execute(sql).fetchall()
        frame = read(connection.sql(sql))
    assert list(frame["article_key"]) == [key for key, _ in rows]
    unknown = [heat is None for _, heat in rows]
    assert list(frame["heat"].is_null() if hasattr(frame["heat"], "is_null") else frame["heat"].isna()) == unknown
    assert 0 < sum(unknown) < len(unknown)


@pytest.mark.parametrize("rows", ["from articles", "from articles where last_seen_at is null", "from articles limit 0"])
def test_a_time_that_nobody_knows_is_still_a_time(file: Path, read: Callable[[Any], Any], rows: str) -> None:
    with release_connection(file) as connection:
        frame = read(connection.sql(rows))
    assert str(frame["last_seen_at"].dtype).lower().startswith("datetime")
    assert str(frame["published_date"].dtype).lower().startswith("date")


def test_counts_are_numbers_of_32_bits_and_keys_of_64(file: Path, read: Callable[[Any], Any]) -> None:
    with release_connection(file) as connection:
        frame = read(connection.sql("from articles"))
    assert str(frame["mention_count"].dtype).lower() == "int32"
    assert str(frame["article_key"].dtype).lower() == "int64"
