"""The cookbook: real questions to a release, each a SQL file in sql/cookbook that opens with its question.

What a reader may want to vary is a parameter. SQL in any file declares it in its opening comment:

    -- $days integer = 28: how many days are compared.

It is given as text and bound by DuckDB as `$name`. A declaration has a type, so that a wrong value is an error before
the query runs, and what stands in the SQL is never text that somebody typed. Without a default a parameter must be
given; `null` is a default that means none. Rejected: a list of recipes in Python beside the files, which would be a
second home for each name and question.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import get_close_matches
from functools import cache
from itertools import takewhile

from schemas.errors import UsageError
from warehouse.sql_files import read_sql, sql_names

FOLDER = "cookbook"
# How like a name must be to be offered instead: difflib's default of 0.6 offers nothing for half a name.
LIKENESS = 0.4
COMMENT, MARK = "--", "$"
NULL = "null"
Value = int | float | str | date | datetime | None

_DECLARED = re.compile(r"\$(?P<name>[a-z_]\w*) (?P<type>\w+)(?: = (?P<default>[^:]+))?: (?P<meaning>.+)")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z"))


# What each type is called, what a value looks like, and what reads it. `int` and `float` alone take more than SQL does:
# digits of any script, `1_000`, `nan`.
TYPES: dict[str, tuple[str, str, Callable[[str], Value]]] = {
    "integer": ("a whole number", r"[+-]?[0-9]{1,18}", int),
    "number": ("a number", r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?", float),
    "date": ("a day such as 2026-01-31", r"[0-9-]+", date.fromisoformat),
    "timestamp": ("a time in UTC such as 2026-01-31T08:00:00", r"[0-9T:. -]+Z?", _moment),
    "text": ("a text", r"(?s:.*)", str),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of SQL: its name, type, default as written (None: it must be given) and meaning."""

    name: str
    type: str
    default: str | None
    meaning: str

    def __str__(self) -> str:
        """Tell the parameter as it is declared, without its meaning."""
        return f"{self.name} {self.type}" + ("" if self.default is None else f" = {self.default}")

    def read(self, text: str) -> Value:
        """Return the value that a text stands for. Raises UsageError where it is of another type."""
        what, pattern, read = TYPES[self.type]
        bare = text if self.type == "text" else text.strip()
        try:
            if re.fullmatch(pattern, bare):
                return read(bare)
        except ValueError:
            pass
        raise UsageError(f"the parameter takes {what}", where=f"{self.name}={text}", todo=str(self))


def header_lines(sql: str) -> Iterator[str]:
    """Yield the lines of the comment that the SQL opens with, without their marks."""
    lines = takewhile(lambda line: line.startswith(COMMENT), sql.splitlines())
    return (line.removeprefix(COMMENT).strip() for line in lines)


def read_parameters(sql: str) -> tuple[Parameter, ...]:
    """Return the parameters that the SQL's opening comment declares. Raises UsageError for one that is wrong."""
    return tuple(_declared(line) for line in header_lines(sql) if line.startswith(MARK))


def _declared(line: str) -> Parameter:
    found = _DECLARED.fullmatch(line)
    if found is None or found["type"] not in TYPES:
        todo = f"write `-- $days integer = 28: what it means`; types: {', '.join(TYPES)}"
        raise UsageError("not the declaration of a parameter", where=repr(line), todo=todo)
    parameter = Parameter(*found.group("name", "type", "default", "meaning"))
    if parameter.default not in (None, NULL):
        parameter.read(str(parameter.default))
    return parameter


def bound_values(sql: str, settings: Sequence[str]) -> Mapping[str, Value]:
    """Return the value of each parameter that the SQL declares: that of `settings` (`name=value`), else its default.

    Raises UsageError, with the parameters there are, for one that is unknown, given twice, missing or of another type.
    """
    parameters = {one.name: one for one in read_parameters(sql)}
    there_are = f"there are: {'; '.join(map(str, parameters.values()))}" if parameters else "it takes no parameter"
    given: dict[str, Value] = {}
    for setting in settings:
        name, mark, text = setting.partition("=")
        name = name.strip().removeprefix(MARK)
        if not mark:
            raise UsageError("a parameter is set by NAME=VALUE", where=repr(setting), todo=there_are)
        if name not in parameters:
            raise UsageError("no such parameter", where=repr(name), todo=there_are)
        if name in given:
            raise UsageError("a parameter is set twice", where=name, todo=there_are)
        given[name] = parameters[name].read(text)
    for name, one in parameters.items():
        if name not in given and one.default is None:
            raise UsageError("a parameter has no value", where=name, todo=there_are)
        if name not in given:
            given[name] = None if one.default == NULL else one.read(str(one.default))
    return given


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
