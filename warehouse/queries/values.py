"""Values as text and as JSON; rows as CSV and as JSON, for programs.

News text is written by strangers. On a terminal each control character, terminal escape and direction override is shown
as an escape instead of being obeyed: a title must not repaint the screen. A file holds the data as it is.

Rejected for CSV: the csv module's writer, which before Python 3.12 cannot tell NULL from an empty text.

In JSON a column is of one type in all rows. JSON's readers keep integers to 2^53 - 1; beyond that, and for some
decimals, the value is written as text. A column of article keys would so be numbers in some rows and text in others. So
one such value makes its whole column text, and that must be known before the first row is written (`query.py`).
Rejected: text for every BIGINT, for `count(*)` is one.
"""

import json
import math
import re
from collections.abc import Collection, Iterable, Sequence
from datetime import date, time
from decimal import Decimal
from itertools import chain
from typing import TextIO

Row = tuple[object, ...]
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

# RFC 8259 section 6: integers in this range are exact in every reader (IEEE 754 binary64).
MAX_EXACT_INT = 2**53 - 1
# Controls, line separators, direction controls, surrogates: what a terminal obeys rather than shows.
_HIDDEN = re.compile("[\0-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_WIDE_INTEGERS = ("BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT", "BIGNUM")
# A decimal of up to 15 digits is exact in binary64.
_EXACT_DIGITS = 15
_DECIMAL = re.compile(r"DECIMAL\(([0-9]+),")


def visible(text: str) -> str:
    """Return the text with each character that a terminal would obey rather than show written as an escape."""
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names with a suffix `_1`, `_2`, … on each repeated one, as DuckDB does, never one that is taken."""
    unique: list[str] = []
    for name in names:
        fresh = chain([name], (f"{name}_{number}" for number in range(1, len(names) + 1)))
        taken = {*unique, *names}
        unique.append(next(new for new in fresh if new not in (taken if new != name else unique)))
    return unique


def write_csv(names: Sequence[str], rows: Iterable[Row], out: TextIO) -> int:
    """Write CSV by RFC 4180, with a header line; NULL is an empty field, an empty text two quotes."""
    show = visible if out.isatty() else str
    count = -1
    for row in chain([tuple(names)], rows):
        fields = ("" if value is None else _csv_field(show(plain_text(value))) for value in row)
        out.write((",".join(fields) or '""') + "\r\n")
        count += 1
    return count


def _csv_field(text: str) -> str:
    if text == "" or text != text.strip() or any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def write_json(
    names: Sequence[str], rows: Iterable[Row], out: TextIO, text_columns: Collection[int] = frozenset()
) -> int:
    """Write an array of objects, a row a line; return the number of rows. A repeated name gets a suffix.

    In: the places of the columns whose numbers are written as text. What JSON lets stand but a terminal obeys is
    escaped; the value is the same.
    """
    keys = unique_names(names)
    count = 0
    out.write("[")
    for row in rows:
        values = (json_value(value, numbers_as_text=place in text_columns) for place, value in enumerate(row))
        text = json.dumps(dict(zip(keys, values, strict=True)), ensure_ascii=False, allow_nan=False)
        out.write((",\n " if count else "\n ") + _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text))
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
    return isinstance(value, int | Decimal) and _json_number(value) is None


def plain_text(value: object) -> str:
    """Return a value other than NULL as text for a table or CSV; a nested one as JSON."""
    match value:
        case bool():
            return "true" if value else "false"
        case bytes():
            return value.hex()
        case list() | tuple() | dict():
            return json.dumps(json_value(value), ensure_ascii=False, allow_nan=False)
        case _:
            return str(value)


def json_value(value: object, *, numbers_as_text: bool = False) -> Json:
    """Return a value as JSON can carry it: what JSON cannot carry exactly becomes its text.

    Integers beyond 2^53 - 1, decimals that binary64 cannot hold, NaN and the infinities are text; times are ISO 8601;
    blobs are hexadecimal.
    """
    match value:
        case None | bool() | str():
            return value
        case int() | Decimal():
            number = None if numbers_as_text else _json_number(value)
            return str(value) if number is None else number
        case float():
            return value if math.isfinite(value) else str(value).replace("inf", "Infinity").replace("nan", "NaN")
        case date() | time():
            return value.isoformat()
        case list() | tuple():
            return [json_value(item, numbers_as_text=numbers_as_text) for item in value]
        case dict():
            pairs = (("null" if key is None else plain_text(key), item) for key, item in value.items())
            return {key: json_value(item, numbers_as_text=numbers_as_text) for key, item in pairs}
        case _:
            return plain_text(value)


def _json_number(value: int | Decimal) -> int | float | None:
    """Return a number as every reader of JSON keeps it; None where some would not. A decimal with places is a float."""
    if isinstance(value, int) or value.as_tuple().exponent == 0:
        whole = int(value)
        return whole if abs(whole) <= MAX_EXACT_INT else None
    near = float(value)
    return near if Decimal(repr(near)) == value else None
