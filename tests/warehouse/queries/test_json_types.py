"""A column of a JSON answer is of one type, in every row."""

import io
import json
from decimal import Decimal
from typing import Any

import pytest

from tests.warehouse.making import make_home, publish_release
from warehouse.home import Home
from warehouse.queries.query import BATCH_ROWS, run_query
from warehouse.queries.values import is_wide, needs_text

BIG = 2**53


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = make_home(tmp_path_factory.mktemp("warehouse"))
    publish_release(made, "r1")
    return made


def ask(home: Home, sql: str, values: dict[str, object] | None = None) -> list[dict[str, Any]]:
    out = io.StringIO()
    run_query(home, sql, values=values, format="json", out=out)
    rows: list[dict[str, Any]] = json.loads(out.getvalue())
    return rows


@pytest.mark.parametrize("last", [5, BATCH_ROWS, 3 * BATCH_ROWS])
@pytest.mark.parametrize(
    ("big", "small"),
    [
        (f"{BIG}::bigint", "1::bigint"),
        (f"{BIG}::hugeint", "1::hugeint"),
        (f"-{BIG}::bigint", "null::bigint"),
        (f"{BIG}::ubigint", "1::ubigint"),
        ("12345678901234567.89::decimal(20, 2)", "1.5::decimal(20, 2)"),
    ],
)
def test_one_big_number_makes_its_column_text_wherever_it_stands(home: Home, last: int, big: str, small: str) -> None:
    sql = f"select case when i = {last} then {big} else {small} end as n, i from range({last + 1}) t(i) order by i"
    rows = ask(home, sql)
    assert {type(row["n"]) for row in rows} <= {str, type(None)}
    assert str(rows[-1]["n"]).lstrip("-") == big.split("::")[0].lstrip("-")
    assert {type(row["i"]) for row in rows} == {int}


def test_small_numbers_stay_numbers_in_an_answer_of_any_length(home: Home) -> None:
    for count in (1, BATCH_ROWS, BATCH_ROWS + 1):
        rows = ask(home, f"select i::bigint as a, i::hugeint as b, i::decimal(18, 1) as c from range({count}) t(i)")
        assert {type(value) for row in rows for value in row.values()} <= {int, float}
    assert ask(home, "select count(*) as n from article") == [{"n": 1000}]


def test_numbers_in_lists_and_structs_are_of_one_type_too(home: Home) -> None:
    sql = f"select [i, {BIG}] as l, {{'a': i}} as s from range(3) t(i)"
    assert ask(home, sql)[1] == {"l": ["1", str(BIG)], "s": {"a": 1}}
    rows = ask(
        home, f"select [case when i = {BATCH_ROWS} then {BIG} else i end] as l from range({BATCH_ROWS + 1}) t(i)"
    )
    assert {type(row["l"][0]) for row in rows} == {str}


def test_a_long_pivot_is_looked_through_as_a_whole(home: Home) -> None:
    rows = f"select i, 'a' as k, case when i = 2500 then {BIG} else i end as v from range(2600) t(i)"
    sql = f"pivot ({rows}) on k using max(v)"
    assert {type(row["a"]) for row in ask(home, sql)} == {str}


def test_values_are_bound_in_the_second_question_as_well(home: Home) -> None:
    rows = ask(home, "select $big + i as n from range($rows) t(i)", {"big": BIG, "rows": BATCH_ROWS + 5})
    assert rows[0] == {"n": str(BIG)}


@pytest.mark.parametrize(
    ("kind", "is_it"),
    [
        ("INTEGER", False),
        ("BIGINT", True),
        ("DECIMAL(15,2)", False),
        ("DECIMAL(16,2)", True),
        ("MAP(VARCHAR, HUGEINT)", True),
    ],
)
def test_which_types_can_hold_such_numbers(kind: str, is_it: bool) -> None:
    assert is_wide(kind) is is_it


def test_which_values_need_text() -> None:
    assert [needs_text(value) for value in (BIG - 1, BIG, True, "9" * 20, Decimal("0.1"), [1, {"a": -BIG}])] == [
        False, True, False, False, False, True,
    ]  # fmt: skip
