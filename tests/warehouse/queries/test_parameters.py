"""Parameters of SQL: how they are declared, typed and given."""

from datetime import date, datetime

import pytest

from schemas.errors import UsageError
from warehouse.queries.recipes import bound_values, list_recipes, read_parameters

SQL = """-- A question?
-- $days integer = 28: how many days.
-- $share number = .5: a share.
-- $since date = 2026-01-31: from when.
-- $at timestamp = null: when.
-- $name text: whose.
-- One row each.
select $days, $share, $since, $at, $name -- $other integer = 1: not in the opening comment
"""
DEFAULTS = {"days": 28, "share": 0.5, "since": date(2026, 1, 31), "at": None}


def test_defaults_hold_and_what_is_set_goes_before_them() -> None:
    assert bound_values(SQL, ["name=x"]) == {**DEFAULTS, "name": "x"}
    given = ["days=-7", "share=1e-3", "since=2020-02-29", "at=2026-01-31T08:00:00Z", "name=a=b; drop table x --"]
    assert bound_values(SQL, given) == {
        "days": -7,
        "share": 0.001,
        "since": date(2020, 2, 29),
        "at": datetime(2026, 1, 31, 8),
        "name": "a=b; drop table x --",
    }


@pytest.mark.parametrize("text", ["", "null", "  "])
def test_a_text_is_taken_as_it_is(text: str) -> None:
    assert bound_values(SQL, [f"name={text}"])["name"] == text


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ([], "a parameter has no value: name (there are: days integer = 28; share number = .5; "),
        (["name=x", "day=3"], "no such parameter: 'day' (there are: days integer = 28; "),
        (["name=x", "Days=3"], "no such parameter: 'Days'"),
        (["name=x", "other=3"], "no such parameter: 'other'"),
        (["name=x", "name=y"], "a parameter is set twice: name"),
        (["name"], "a parameter is set by NAME=VALUE: 'name'"),
        (["name=x", "days=3.5"], "the parameter takes a whole number: days=3.5 (days integer = 28)"),
        (["name=x", "days="], "the parameter takes a whole number: days="),
        (["name=x", "days=9" + 20 * "9"], "the parameter takes a whole number"),
        (["name=x", "days=\u0663"], "the parameter takes a whole number"),
        (["name=x", "share=nan"], "the parameter takes a number"),
        (["name=x", "since=2026-02-30"], "the parameter takes a day such as 2026-01-31: since=2026-02-30"),
        (["name=x", "at=noon"], "the parameter takes a time in UTC"),
    ],
)
def test_what_does_not_fit_is_told_with_what_there_is(given: list[str], error: str) -> None:
    with pytest.raises(UsageError) as caught:
        bound_values(SQL, given)
    assert error in str(caught.value)


def test_sql_without_parameters_takes_none() -> None:
    assert bound_values("select 1", []) == {}
    with pytest.raises(UsageError, match=r"no such parameter: 'a' \(it takes no parameter\)"):
        bound_values("select 1", ["a=1"])


@pytest.mark.parametrize("line", ["$days", "$days money = 1: x", "$days integer = many: x", "$Days integer: x"])
def test_a_declaration_that_is_none_is_told(line: str) -> None:
    with pytest.raises(UsageError):
        read_parameters(f"-- {line}\nselect 1")


def test_every_parameter_of_the_cookbook_has_a_default_and_says_what_it_means() -> None:
    parameters = [one for recipe in list_recipes() for one in recipe.parameters]
    assert len(parameters) >= 8
    assert [one.name for one in parameters if one.default is None or not one.meaning.endswith(".")] == []
