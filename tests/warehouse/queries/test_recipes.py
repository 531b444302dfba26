"""A recipe is found by its name, by a sloppy spelling of it, and a wrong name is answered with near ones."""

import pytest

from schemas.errors import UsageError
from warehouse.queries.recipes import list_recipes, recipe_sql


def test_a_recipe_holds_what_its_file_says() -> None:
    recipe = next(one for one in list_recipes() if one.name == "freshness")
    assert recipe.question == "How fresh is this release?"
    assert recipe.notes.startswith("One row: when it was made")
    assert recipe.sql.startswith("-- How fresh is this release?\n")


@pytest.mark.parametrize("name", ["topic_pairs", "topic-pairs", " Topic_Pairs "])
def test_case_hyphens_and_space_around_do_not_matter(name: str) -> None:
    assert recipe_sql(name) == recipe_sql("topic_pairs")


@pytest.mark.parametrize(
    ("name", "near"), [("topic_pair", "topic_pairs"), ("freshnes", "freshness"), ("amp", "amp_share")]
)
def test_a_wrong_name_is_answered_with_near_ones(name: str, near: str) -> None:
    with pytest.raises(UsageError, match=f"no such recipe: '{name}' .*did you mean {near}") as caught:
        recipe_sql(name)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize("name", ["", "qqqqqqqq", "../views/articles"])
def test_a_name_like_no_other_is_answered_with_the_way_to_the_list(name: str) -> None:
    with pytest.raises(UsageError, match=r"no such recipe.*`newsmart query --recipe` lists them"):
        recipe_sql(name)
