"""Every recipe answers its question on the seeds as its golden file says, and each file is shaped as the others."""

import re
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.queries.cookbook_golden import GOLDEN, answer, golden_path
from tests.warehouse.seed_releases import STATES, State, make_release
from warehouse.queries.recipes import Recipe, list_recipes

NAMES = [recipe.name for recipe in list_recipes()]
LONGEST_LINE = 120


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[State, Path]:
    return {state: make_release(state, tmp_path_factory.mktemp(state)) for state in STATES}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("recipe", list_recipes(), ids=NAMES)
def test_a_recipe_answers_as_its_golden_file_says(files: dict[State, Path], state: State, recipe: Recipe) -> None:
    assert answer(files[state], recipe) == golden_path(state, recipe.name).read_text(encoding="utf-8")


def test_every_golden_file_belongs_to_a_recipe() -> None:
    found = sorted(path.relative_to(GOLDEN).as_posix() for path in GOLDEN.rglob("*.csv"))
    assert found == sorted(f"{state}/{name}.csv" for state in STATES for name in NAMES)


def test_each_question_has_an_answer_in_one_of_the_states() -> None:
    empty = [name for name in NAMES if all(_row_count(state, name) == 0 for state in STATES)]
    assert empty == []


def _row_count(state: State, name: str) -> int:
    return len(golden_path(state, name).read_text(encoding="utf-8").splitlines()) - 1


def test_there_are_enough_questions_and_no_two_are_one() -> None:
    questions = [recipe.question for recipe in list_recipes()]
    assert len(set(questions)) == len(questions) >= 16


@pytest.mark.parametrize("recipe", list_recipes(), ids=NAMES)
def test_a_recipe_opens_with_its_question_and_its_grain(recipe: Recipe) -> None:
    assert recipe.question.endswith("?")
    assert recipe.notes.startswith("One row")
    assert recipe.notes.endswith(".")


@pytest.mark.parametrize("recipe", list_recipes(), ids=NAMES)
def test_a_recipe_is_lower_case_in_one_statement_with_its_order_told(recipe: Recipe) -> None:
    code = re.sub(r"'[^']*'|--.*", "", recipe.sql)
    assert code == code.lower()
    assert ";" not in code
    assert set(re.findall(r"\$(\w+)", code)) == {parameter.name for parameter in recipe.parameters}
    assert max(map(len, recipe.sql.splitlines())) <= LONGEST_LINE
    assert "order by" in code.rsplit("\nfrom ", 1)[-1] or recipe.name == "freshness"


def test_a_score_that_came_back_has_not_moved() -> None:
    recipe = next(recipe for recipe in list_recipes() if recipe.name == "score_movement")
    with duckdb.connect() as connection:
        connection.execute(
            "create table dim_article as select key as article_key, 't' as title, 'u' as url, key::varchar as url_key "
            "from range(1, 3) as keys (key)"
        )
        connection.execute(
            "create table article_history as select * from (values (1, 1, 10), (1, 2, 90), (1, 3, 10), (2, 1, 10), "
            "(2, 2, 30)) as spans (article_key, day, quality)"
        )
        connection.execute("alter table article_history add column heat bigint")
        connection.execute("alter table article_history rename column day to valid_from")
        rows = connection.execute(recipe.sql).fetchall()

    assert [row[1:4] for row in rows] == [(10, 30, 20)]
