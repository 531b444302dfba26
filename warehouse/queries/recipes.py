"""The cookbook: real questions to a release, each a SQL file in sql/cookbook that opens with its question.

What a reader may want to vary is a parameter, declared in the file's opening comment with its type, default and meaning
(`parameters.py`) and bound by DuckDB. Rejected: a list of recipes in Python beside the files, which would be a second
home for each name and question.
"""

from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache

from schemas.errors import UsageError
from warehouse.queries.parameters import MARK, Parameter, header_lines, read_parameters
from warehouse.sql_files import read_sql, sql_names

FOLDER = "cookbook"
# How like a name must be to be offered instead: difflib's default of 0.6 offers nothing for half a name.
LIKENESS = 0.4


@dataclass(frozen=True, slots=True)
class Recipe:
    """A question with its answer: `question` is one line, `notes` say what a row is and what is left out."""

    name: str
    question: str
    notes: str
    sql: str
    parameters: tuple[Parameter, ...] = ()


@cache
def list_recipes() -> tuple[Recipe, ...]:
    """Return every recipe, by name."""
    return tuple(_read(name) for name in sql_names(FOLDER))


def recipe_sql(name: str) -> str:
    """Return the SQL of the recipe of that name; case and `-` for `_` do not matter.

    Raises UsageError for a name that is none, with those that are like it.
    """
    wanted = name.strip().lower().replace("-", "_")
    names = [recipe.name for recipe in list_recipes()]
    if wanted in names:
        return read_sql(FOLDER, wanted)
    near = [name for name in names if wanted and wanted in name]
    near += [name for name in get_close_matches(wanted, names, cutoff=LIKENESS) if name not in near]
    everything = "`newsmart query --recipe` lists them"
    todo = f"did you mean {' or '.join(near[:3])}? {everything}" if near else everything
    raise UsageError("no such recipe", where=repr(name), todo=todo)


def _read(name: str) -> Recipe:
    sql = read_sql(FOLDER, name)
    question, *notes = (line for line in header_lines(sql) if not line.startswith(MARK))
    return Recipe(name, question, " ".join(notes), sql, read_parameters(sql))
