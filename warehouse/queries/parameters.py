"""Parameters of SQL in a file: declared in its opening comment, given as text, bound by DuckDB as `$name`.

    -- $days integer = 28: how many days are compared.

A declaration has a type, so that a wrong value is told before the query runs, and what stands in the SQL is never text
that somebody typed. Without a default a parameter must be given; `null` is a default that means none.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import takewhile

from schemas.errors import UsageError

COMMENT, MARK = "--", "$"
NULL = "null"
Value = int | float | str | date | datetime | None

_DECLARED = re.compile(r"\$(?P<name>[a-z_]\w*) (?P<type>\w+)(?: = (?P<default>[^:]+))?: (?P<meaning>.+)")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")


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


def _integer(text: str) -> int:
    if _INTEGER.fullmatch(text) is None:
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    if _NUMBER.fullmatch(text) is None:
        raise ValueError
    return float(text)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.removesuffix("Z"))
    if moment.tzinfo is not None:
        raise ValueError
    return moment


TYPES: dict[str, tuple[str, Callable[[str], Value]]] = {
    "integer": ("a whole number", _integer),
    "number": ("a number", _number),
    "date": ("a day such as 2026-01-31", date.fromisoformat),
    "timestamp": ("a time in UTC such as 2026-01-31T08:00:00", _moment),
    "text": ("a text", str),
}


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
    parameter = Parameter(found["name"], found["type"], found["default"], found["meaning"])
    if parameter.default is not None:
        _value(parameter, parameter.default, is_default=True)
    return parameter


def bound_values(sql: str, settings: Sequence[str]) -> Mapping[str, Value]:
    """Return the value of each parameter that the SQL declares: that of `settings` (`name=value`), else its default.

    Raises UsageError, with the parameters there are, for one that is unknown, given twice, missing or of another type.
    """
    parameters = read_parameters(sql)
    given = _given(parameters, settings)
    missing = [one.name for one in parameters if one.default is None and one.name not in given]
    if missing:
        raise _wrong(parameters, "a parameter has no value", missing[0])
    return {
        one.name: _value(one, given[one.name]) if one.name in given else _value(one, str(one.default), is_default=True)
        for one in parameters
    }


def _given(parameters: Sequence[Parameter], settings: Sequence[str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for setting in settings:
        name, mark, value = setting.partition("=")
        name = name.strip().removeprefix(MARK)
        if not mark:
            raise _wrong(parameters, "a parameter is set by NAME=VALUE", repr(setting))
        if name not in {one.name for one in parameters}:
            raise _wrong(parameters, "no such parameter", repr(name))
        if name in given:
            raise _wrong(parameters, "a parameter is set twice", name)
        given[name] = value
    return given


def _value(parameter: Parameter, text: str, *, is_default: bool = False) -> Value:
    if is_default and text == NULL:
        return None
    what, read = TYPES[parameter.type]
    try:
        return read(text if parameter.type == "text" else text.strip())
    except ValueError:
        where = f"{parameter.name}={text}"
        raise UsageError(f"the parameter takes {what}", where=where, todo=str(parameter)) from None


def _wrong(parameters: Sequence[Parameter], what: str, where: str) -> UsageError:
    told = "; ".join(map(str, parameters))
    return UsageError(what, where=where, todo=f"there are: {told}" if told else "it takes no parameter")
