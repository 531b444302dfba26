"""The golden answers of the cookbook; `python -m tests.warehouse.queries.cookbook_golden` writes them anew.

What a clock or a hash of the code decides is written as `*`. Read the difference before committing it: it is what
every analyst will see.
"""

import tempfile
from io import StringIO
from pathlib import Path

from tests.warehouse.seed_releases import ROOT, STATES, State, make_release
from warehouse.db import release_connection
from warehouse.queries.recipes import Recipe, bound_values, list_recipes
from warehouse.queries.values import write_csv

GOLDEN = ROOT / "tests" / "golden" / "cookbook"
OF_THE_CLOCK = frozenset({"release_id", "built_at", "hours_old", "run_seconds"})


def golden_path(state: State, name: str) -> Path:
    return GOLDEN / state / f"{name}.csv"


def answer(file: Path, recipe: Recipe) -> str:
    """Return what the recipe says of a release, as CSV."""
    with release_connection(file, sandboxed=True) as connection:
        result = connection.execute(recipe.sql, dict(bound_values(recipe.sql, [])) or None)
        names = [str(column[0]) for column in result.description or []]
        rows = result.fetchall()
    fixed = [
        tuple("*" if name in OF_THE_CLOCK else value for name, value in zip(names, row, strict=True)) for row in rows
    ]
    out = StringIO()
    write_csv(names, fixed, out)
    return out.getvalue().replace("\r\n", "\n")


def write() -> None:
    """Write all golden answers, and remove those of recipes that are gone."""
    for state in STATES:
        with tempfile.TemporaryDirectory() as folder:
            file = make_release(state, Path(folder))
            (GOLDEN / state).mkdir(parents=True, exist_ok=True)
            for old in (GOLDEN / state).glob("*.csv"):
                old.unlink()
            for recipe in list_recipes():
                golden_path(state, recipe.name).write_text(answer(file, recipe), encoding="utf-8")


if __name__ == "__main__":
    write()
