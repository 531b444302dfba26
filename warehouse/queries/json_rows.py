"""Rows as JSON, with each column of one type in all rows.

JSON's readers keep integers to 2^53 - 1, and beyond that, and for some decimals, the value is written as text. A column
of article keys would so be numbers in some rows and text in others. So one such value makes its whole column text, and
that must be known before the first row is written. An answer of one batch, as most are, is looked through. A longer one
is asked a second time and looked through batch by batch: rows are streamed, not kept. Rejected: text for every BIGINT,
for `count(*)` is one.
"""

import json
import re
from collections.abc import Collection, Iterable, Sequence
from decimal import Decimal
from typing import TextIO

from warehouse.queries.render import Row, escape_hidden_in_json, json_value, unique_names

_WIDE_INTEGERS = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM")
# A decimal of up to 15 digits is exact in binary64 (IEEE 754).
_EXACT_DIGITS = 15
_DECIMAL = re.compile(r"DECIMAL\(([0-9]+),")


def write_json(
    names: Sequence[str], rows: Iterable[Row], out: TextIO, text_columns: Collection[int] = frozenset()
) -> int:
    """Write an array of objects, a row a line; return the number of rows. A repeated name gets a suffix.

    In: the places of the columns whose numbers are written as text.
    """
    keys = unique_names(names)
    count = 0
    out.write("[")
    for row in rows:
        values = (_numbers_as_text(value) if place in text_columns else value for place, value in enumerate(row))
        record = {key: json_value(value) for key, value in zip(keys, values, strict=True)}
        text = json.dumps(record, ensure_ascii=False, allow_nan=False)
        out.write((",\n " if count else "\n ") + escape_hidden_in_json(text))
        count += 1
    out.write("\n]\n" if count else "]\n")
    return count


def text_columns(types: Sequence[str], rows: Sequence[Row]) -> frozenset[int]:
    """Return the places of the columns that hold a number which JSON has as text."""
    return frozenset(place for place in wide_columns(types) if any(needs_text(row[place]) for row in rows))


def wide_columns(types: Sequence[str]) -> frozenset[int]:
    """Return the places of the columns that can hold such a number."""
    return frozenset(place for place, kind in enumerate(types) if is_wide(kind))


def is_wide(kind: str) -> bool:
    """Return whether a type, nested ones included, can hold a number that JSON's readers would not keep."""
    digits = map(int, _DECIMAL.findall(kind))
    return any(word in kind for word in _WIDE_INTEGERS) or any(number > _EXACT_DIGITS for number in digits)


def needs_text(value: object) -> bool:
    """Return whether a value is, or holds, a number that JSON has as text."""
    if isinstance(value, list | tuple | dict):
        return any(map(needs_text, value.values() if isinstance(value, dict) else value))
    return isinstance(value, int | Decimal) and isinstance(json_value(value), str)


def _numbers_as_text(value: object) -> object:
    """Return a value with every integer and decimal in it as text."""
    match value:
        case list() | tuple():
            return [_numbers_as_text(item) for item in value]
        case dict():
            return {key: _numbers_as_text(item) for key, item in value.items()}
        case _:
            return str(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value
