"""Rows as a table that people read, one row at a time.

A result may have ten million rows, so nothing here holds them: the table takes its widths from the first rows and lets
a later, wider number stick out. Rejected: a table library, and DuckDB's own box, which want all rows first.
"""

import shutil
import textwrap
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import chain, islice
from typing import TextIO

from schemas.text import counted
from warehouse.queries.values import Row, plain_text, visible

FIXED_TYPES = ("DATE", "TIME", "BOOLEAN", "UUID")
NUMERIC_TYPES = ("INT", "DOUBLE", "FLOAT", "DECIMAL", "BIGNUM")
SAMPLE_ROWS = 500
# Of a text that is cut to fit, so much is shown at least.
MIN_CELL_COLUMNS = 12
GAP = 2
RULE_COLUMNS = 40
LEAST_WIDTH = 40
BLANK_CATEGORIES = ("Mn", "Me", "Cf")


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
    is_number = [any(word in kind for word in NUMERIC_TYPES) and "[" not in kind for kind in types]
    is_fixed = [any(word in kind for word in FIXED_TYPES) for kind in types]
    is_text = [not (number or fixed) for number, fixed in zip(is_number, is_fixed, strict=True)]
    header, cells = tuple(map(_cell, names)), (tuple(map(_cell, row)) for row in rows)
    sample = list(islice(cells, SAMPLE_ROWS))
    widths = [max(map(columns, column)) for column in zip(header, *sample, strict=True)]
    limits = widths if width is None else fitting(widths, is_text, width)
    if limits is None:
        return write_records(header, chain(sample, cells), out, width or 0)
    layout = list(zip(limits, is_number, [text and width is not None for text in is_text], strict=True))
    rule = ["-" * limit for limit in limits]
    count = -2
    for row in chain([header, rule], sample, cells):
        padded = (_padded(cell, *column) for cell, column in zip(row, layout, strict=True))
        out.write("  ".join(padded).rstrip() + "\n")
        count += 1
    out.write(f"({counted(count, 'row')})\n")
    return count


def _cell(value: object) -> str:
    if value is None:
        return "NULL"
    return '"NULL"' if value == "NULL" else visible(plain_text(value))


def _padded(text: str, limit: int, is_number: bool, is_cut: bool) -> str:
    text = _cut(text, limit) if is_cut else text
    padding = " " * (limit - columns(text))
    return padding + text if is_number else text + padding


def _cut(text: str, limit: int) -> str:
    if columns(text) <= limit:
        return text
    used = 0
    for end, character in enumerate(text):
        used += _width(character)
        if used >= limit:
            return text[:end] + "…"
    return text


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


def write_records(names: Sequence[str], rows: Iterable[Sequence[str]], out: TextIO, width: int) -> int:
    """Write each row as a line a column, under a line with its number; long values go on below. Return the number."""
    space = max(map(columns, names), default=0)
    count = 0
    for count, row in enumerate(rows, start=1):
        out.write(f"-- row {count:,} ".ljust(min(width, RULE_COLUMNS), "-") + "\n")
        for name, cell in zip(names, row, strict=True):
            line = name + " " * (space - columns(name) + GAP) + cell
            out.writelines(f"{piece}\n" for piece in wrapped(line, width, space + GAP))
    out.write(f"({counted(count, 'row')})\n")
    return count


def wrapped(text: str, width: int, indent: int) -> list[str]:
    """Return a text in lines of so many columns of a terminal, the later ones indented; words too long are cut apart.

    Lines with characters that take two columns are half as long.
    """
    most = max(width, LEAST_WIDTH) if columns(text) == len(text) else max(width, LEAST_WIDTH) // 2
    return textwrap.wrap(text, most, subsequent_indent=" " * min(indent, most // 2), break_on_hyphens=False)


def write_plan(rows: Iterable[Row], out: TextIO) -> int:
    """Write the plans that EXPLAIN gives, drawn over several lines, as they are; return the number of plans."""
    count = 0
    for row in rows:
        out.writelines(visible(line) + "\n" for line in str(row[-1]).rstrip("\n").split("\n"))
        count += 1
    return count


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes (Unicode Annex 11: wide characters take two)."""
    return len(text) if text.isascii() else sum(map(_width, text))


@lru_cache(maxsize=4096)
def _width(character: str) -> int:
    if unicodedata.category(character) in BLANK_CATEGORIES:
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
