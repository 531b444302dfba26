"""Which columns of an answer are text in JSON, so that a key is of one type in all rows.

JSON's readers keep integers to 2^53 - 1, and beyond that, and for some decimals, the value is written as text. A column
of article keys would so be numbers in some rows and text in others. So one such value makes its whole column text, and
that must be known before the first row is written. An answer of one batch, as most are, is looked through. A longer one
is asked a second time for nothing but that, and only where a column can hold such values and has shown none: rows are
streamed, not kept. Rejected: text for every BIGINT, for `count(*)` is one.
"""

import re
from collections.abc import Callable, Sequence
from decimal import Decimal

from warehouse.queries.render import MAX_EXACT_INT, Row, json_value

_INTEGERS = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM")
# A decimal of up to 15 digits is exact in binary64 (IEEE 754).
_EXACT_DIGITS = 15
_DECIMAL = re.compile(r"DECIMAL\(([0-9]+), ?([0-9]+)\)")

# In: one expression a column, true for a row that needs text. Out: which of them are true of any row.
AskAny = Callable[[Sequence[str]], Sequence[bool | None]]


def text_columns(types: Sequence[str], first: Sequence[Row], *, is_all: bool, ask_any: AskAny) -> frozenset[int]:
    """Return the places of the columns whose numbers are to be written as text.

    In: the columns' types; the first rows, and whether they are all; `ask_any` for an answer that has more.
    """
    found = {
        place for place, kind in enumerate(types) if is_wide(kind) and any(needs_text(row[place]) for row in first)
    }
    if is_all:
        return frozenset(found)
    unknown = [place for place, kind in enumerate(types) if is_wide(kind) and place not in found]
    asked = [place for place in unknown if _test(types[place], place) is not None]
    found |= set(unknown) - set(asked)  # nested: where SQL cannot say it shortly, text is always right
    if asked:
        answers = ask_any([str(_test(types[place], place)) for place in asked])
        found |= {place for place, is_any in zip(asked, answers, strict=True) if is_any}
    return frozenset(found)


def is_wide(kind: str) -> bool:
    """Return whether a type, nested ones included, can hold a number that JSON's readers would not keep."""
    digits = [int(match[1]) for match in _DECIMAL.finditer(kind)]
    return any(word in kind for word in _INTEGERS) or any(number > _EXACT_DIGITS for number in digits)


def needs_text(value: object) -> bool:
    """Return whether a value is, or holds, a number that JSON has as text."""
    match value:
        case bool():
            return False
        case int():
            return abs(value) > MAX_EXACT_INT
        case Decimal():
            return isinstance(json_value(value), str)
        case list() | tuple():
            return any(map(needs_text, value))
        case dict():
            return any(map(needs_text, value.values()))
        case _:
            return False


def _test(kind: str, place: int) -> str | None:
    """Return SQL that is true where the column at `place` needs text, for a plain type; None for a nested one."""
    column = f"#{place + 1}"
    if kind in _INTEGERS:
        return f"{column} not between -{MAX_EXACT_INT} and {MAX_EXACT_INT}"
    if _DECIMAL.fullmatch(kind):
        return f"try_cast({column}::double as {kind}) is distinct from {column} or abs({column}) > {MAX_EXACT_INT}"
    return None
