"""Hints for mistakes in SQL that DuckDB's own words do not clear up.

In SQL a text stands in single quotes and double quotes name a column, which most who come from other languages learn by
the error "column not found". DuckDB says that and proposes columns.
"""

import re

# What DuckDB says where a name is no column; the name as it was written follows, without its quotes.
_NO_COLUMN = re.compile(
    r'Referenced column "(?P<free>.+?)" (?:was )?not found|does not have a column named "(?P<of>.+?)"(?: |$)'
)
_SHOWN = re.compile(r"LINE [0-9]+: (?P<line>[^\n]*)")


def quotes_hint(text: str, place: str | None) -> str | None:
    """Return a hint where a name in double quotes is no column, so that a text may be meant; None elsewhere.

    In: what DuckDB says, on one line, and the lines that show the place.
    """
    found = _NO_COLUMN.search(text)
    shown = None if place is None else _SHOWN.search(place)
    if found is None or shown is None:
        return None
    name = found["free"] or found["of"]
    if f'"{name}"' not in shown["line"].replace('""', '"'):
        return None
    literal = name.replace("'", "''")
    return f"text stands in single quotes: '{literal}'"
