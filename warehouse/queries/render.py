"""Writing rows as a table or as CSV, one row at a time, and values as text.

A result may have ten million rows, so nothing here holds them: the table takes its widths from the first rows and lets
a later, wider number stick out. Rejected: a table library, which wants all rows first, and the csv module's writer,
which before Python 3.12 cannot tell NULL from an empty text.

News text is written by strangers. In a table each control character, terminal escape and direction override is shown
as an escape instead of being obeyed (a title must not repaint the screen); in CSV that happens on a terminal only, as
a file must hold the data as it is.
"""

import json
import math
import shutil
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from functools import lru_cache
from itertools import chain, islice
from typing import TextIO

from schemas.text import counted

Row = tuple[object, ...]
Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

# RFC 8259 section 6: integers in this range are exact in every reader (IEEE 754 binary64).
MAX_EXACT_INT = 2**53 - 1
FIXED_TYPES = ("DATE", "TIME", "BOOLEAN", "UUID")
NUMERIC_TYPES = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "BIGNUM")
SAMPLE_ROWS = 500
# Of a text that is cut to fit, so much is shown at least.
MIN_CELL_COLUMNS = 12
GAP = 2
RULE_COLUMNS = 40
LEAST_WIDTH = 40
BLANK_CATEGORIES = ("Mn", "Me", "Cf")
DIRECTION_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def write_csv(names: Sequence[str], rows: Iterable[Row], out: TextIO) -> int:
    """Write CSV by RFC 4180, with a header line; NULL is an empty field, an empty text two quotes."""
    show = visible if out.isatty() else str
    count = -1
    for row in chain([tuple(names)], rows):
        fields = [None if value is None else show(plain_text(value)) for value in row]
        out.write(",".join(_csv_field(field, is_alone=len(fields) == 1) for field in fields) + "\r\n")
        count += 1
    return count


def _csv_field(text: str | None, *, is_alone: bool) -> str:
    if text is None:
        return '""' if is_alone else ""
    if text == "" or text != text.strip() or any(mark in text for mark in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def write_table(
    names: Sequence[str], types: Sequence[str], rows: Iterable[Row], out: TextIO, width: int | None = None
) -> int:
    """Write aligned columns and the number of rows; return that.

    In: the `width` that lines are to fit; None: the terminal's, and where `out` is none, there is no limit. Texts are
    cut to fit; where there are too many columns for that, each row is written as a record, a line a column, and nothing
    is cut.
    """
    if width is None and out.isatty():
        width = shutil.get_terminal_size().columns
    is_right = [any(word in kind for word in NUMERIC_TYPES) and "[" not in kind for kind in types]
    cells = (tuple(map(_cell, row)) for row in rows)
    header = tuple(map(_cell, names))
    sample = list(islice(cells, SAMPLE_ROWS))
    widths = [max(map(columns, column)) for column in zip(header, *sample, strict=True)]
    is_text = [
        not right and not any(word in kind for word in FIXED_TYPES) for right, kind in zip(is_right, types, strict=True)
    ]
    limits = widths if width is None else fitting(widths, is_text, width)
    if limits is None:
        return write_records(header, chain(sample, cells), out, width or 0)
    if width is not None:
        header, widths = _fitted(header, limits, is_text), limits
    out.write(_line(header, widths, is_right) + "\n")
    out.write("  ".join("-" * columns_wide for columns_wide in widths) + "\n")
    count = 0
    for row in chain(sample, cells):
        out.write(_line(row if width is None else _fitted(row, widths, is_text), widths, is_right) + "\n")
        count += 1
    out.write(f"({counted(count, 'row')})\n")
    return count


def fitting(widths: Sequence[int], is_text: Sequence[bool], width: int) -> list[int] | None:
    """Return widths of columns that together fit; None where they cannot, though each text is cut to its least.

    Numbers and times are never cut, as a part of one is another one. The widest texts give way first.
    """
    left = width - GAP * (len(widths) - 1) - sum(wide for wide, text in zip(widths, is_text, strict=True) if not text)
    limit, texts = left, sorted(wide for wide, text in zip(widths, is_text, strict=True) if text)
    for place, wide in enumerate(texts):
        limit = left // (len(texts) - place)
        if wide > limit:
            break
        left -= wide
    if left < 0 or (texts and texts[-1] > limit and limit < MIN_CELL_COLUMNS):
        return None
    return [min(wide, limit) if text else wide for wide, text in zip(widths, is_text, strict=True)]


def _fitted(row: Sequence[str], limits: Sequence[int], is_text: Sequence[bool]) -> tuple[str, ...]:
    return tuple(_cut(cell, limit) if text else cell for cell, limit, text in zip(row, limits, is_text, strict=True))


def write_records(names: Sequence[str], rows: Iterable[Sequence[str]], out: TextIO, width: int) -> int:
    """Write each row as a line a column, under a line with its number; long values go on below. Return the number."""
    space = max(map(columns, names), default=0)
    count = 0
    for row in rows:
        count += 1
        out.write(f"-- row {count:,} ".ljust(min(width, RULE_COLUMNS), "-") + "\n")
        for name, cell in zip(names, row, strict=True):
            line = name + " " * (space - columns(name) + GAP) + cell
            out.writelines(f"{piece}\n" for piece in wrapped(line, max(width, LEAST_WIDTH), space + GAP))
    out.write(f"({counted(count, 'row')})\n")
    return count


def wrapped(text: str, width: int, indent: int) -> Iterator[str]:
    """Yield a text in lines of so many columns of a terminal, the later ones indented; words too long are cut apart."""
    indent = min(indent, width // 2)
    line = ""
    for character in text:
        if columns(line + character) > width:
            at = line.rfind(" ", indent + 1)
            at = at if at > width // 2 else len(line)
            yield line[:at].rstrip()
            line = " " * indent + line[at:].lstrip()
        line += character
    yield line.rstrip()


def write_plan(rows: Iterable[Row], out: TextIO) -> int:
    """Write the plans that EXPLAIN gives, drawn over several lines, as they are; return the number of plans."""
    count = 0
    for row in rows:
        out.writelines(visible(line) + "\n" for line in str(row[-1]).rstrip("\n").split("\n"))
        count += 1
    return count


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    text = visible(plain_text(value))
    return '"NULL"' if text == "NULL" else text


def _cut(text: str, limit: int) -> str:
    if columns(text) <= limit:
        return text
    used = 0
    for end, character in enumerate(text):
        used += _width(character)
        if used >= limit:
            return text[:end] + "…"
    return text


def _line(cells: Sequence[str], widths: Sequence[int], is_right: Sequence[bool]) -> str:
    padded: Iterator[str] = (
        " " * (width - columns(cell)) + cell if right else cell + " " * (width - columns(cell))
        for cell, width, right in zip(cells, widths, is_right, strict=True)
    )
    return "  ".join(padded).rstrip()


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes (Unicode Annex 11: wide characters take two)."""
    return len(text) if text.isascii() else sum(map(_width, text))


@lru_cache(maxsize=4096)
def _width(character: str) -> int:
    if unicodedata.category(character) in BLANK_CATEGORIES:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def visible(text: str) -> str:
    """Return the text with each character that a terminal would obey rather than show written as an escape."""
    return text if text.isascii() and text.isprintable() else "".join(map(_visible_character, text))


@lru_cache(maxsize=4096)
def _visible_character(character: str) -> str:
    hidden = unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") or character in DIRECTION_CONTROLS
    return character.encode("unicode_escape").decode("ascii") if hidden else character


def escape_hidden_in_json(text: str) -> str:
    """Escape what JSON lets stand but a terminal obeys (C1 controls, direction overrides); the value is the same."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(f"\\u{ord(c):04x}" if c != _visible_character(c) else c for c in text)


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names with a suffix `_1`, `_2`, … on each repeated one, as DuckDB does, never one that is taken."""
    unique: list[str] = []
    for name in names:
        fresh = chain([name], (f"{name}_{number}" for number in range(1, len(names) + 1)))
        taken = {*unique, *names}
        unique.append(next(new for new in fresh if new not in (taken if new != name else unique)))
    return unique


def plain_text(value: object) -> str:
    """Return a value other than NULL as text for a table or CSV; a nested one as JSON."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case bytes():
            return value.hex()
        case list() | tuple() | dict():
            return json.dumps(json_value(value), ensure_ascii=False, allow_nan=False)
        case _:
            return str(value)


def json_value(value: object) -> Json:
    """Return a value as JSON can carry it: what JSON cannot carry exactly becomes its text.

    Integers beyond 2^53 - 1, decimals that binary64 cannot hold, NaN and the infinities are text; times are ISO 8601;
    blobs are hexadecimal.
    """
    match value:
        case None | bool() | str():
            return value
        case int():
            return value if abs(value) <= MAX_EXACT_INT else str(value)
        case float():
            text = str(value).replace("inf", "Infinity").replace("nan", "NaN")
            return value if math.isfinite(value) else text
        case Decimal():
            return _decimal(value)
        case datetime() | date() | time():
            return value.isoformat()
        case list() | tuple():
            return [json_value(item) for item in value]
        case dict():
            return {"null" if key is None else plain_text(key): json_value(item) for key, item in value.items()}
        case _:
            return plain_text(value)


def _decimal(value: Decimal) -> float | int | str:
    if value == value.to_integral_value() and value.as_tuple().exponent == 0:
        return int(value) if abs(value) <= MAX_EXACT_INT else str(value)
    near = float(value)
    return near if Decimal(repr(near)) == value else str(value)
