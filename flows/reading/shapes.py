"""Reads the texts of a known shape in one step, from their lines to their canonical form.

A shape is a text's lines without their values: the indentation, dash, key and kind of value of each, where plain items
of one list count as one line. What the general reader (flows/reading/lines.py) makes of a text follows from its shape,
which says where each value goes, and from the values. A few shapes make up nearly all of a source. So of a shape that
came often enough a regular expression is made, whose groups are the values, with the canonical form
(flows/reading/entries.py) of the texts of that shape, with places for values. A text that matches is of that shape:
each line of the expression takes only lines that the general reader takes alike, which a property test holds it to; and
only values whose canonical form is their own text are taken, so neither a tree nor a decoder is needed. All else is the
general reader's.

A shape is learnt from texts that the general reader took, and only if it makes of its last text what that made of it.
How many are learnt, how long and how many of one number of lines is bounded, and each expression goes through a text
once (its quantifiers are possessive), so no source can make them cost.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from flows.reading.lines import PLAIN, Row, fold
from flows.reading.tree import Tree

# Making an expression takes as long as the general reader takes for some dozens of texts.
OFTEN = 16
"""How many texts of a shape make it known."""
_MAX_LINES, _MAX_SHAPES, _MAX_ALIKE, _MAX_COUNTED = 60, 48, 4, 1_000

_Line = tuple[str, str, str, str]
# A shape's own expression is made of little, for making it costs: plain values are taken as what fills their lines, and
# then all judged at once, by an expression that is made once.
_PLAIN = r"(?!null(?:\n|\Z))" + PLAIN.replace(r"[^\n :#]", r"""[^\n :#"\\]""")
_PLAINS = re.compile(f"{_PLAIN}(?:\n{_PLAIN})*+")
_VALUES = {
    "double": r'"([^"\\\n]*+(?:\\["\\rnt][^"\\\n]*+)*+)"',
    "single": r"""'([^'"\\\n]*+)'""",
    "plain": "(.*+)",
    "null": "null",
    "none": "",
}
_PLACE = re.compile(r'"@([0-9]+)"')


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The texts of one shape: what they match, and their canonical form with a place for each group.

    groups: the groups in the order of the places; plains: the places of plain values; runs: of lists of plain items,
    each with what parts its items.
    """

    pattern: re.Pattern[str]
    form: str
    groups: tuple[int, ...]
    plains: tuple[int, ...]
    runs: tuple[tuple[int, str], ...]

    def canonical(self, text: str) -> bytes | None:
        """Return the canonical form of what a text says; None for a text of another shape."""
        found = self.pattern.fullmatch(text)
        if found is None:
            return None
        values = list(found.group(*self.groups, 0, 0))[:-2]
        for place, between in self.runs:
            values[place] = values[place].replace(between, "\n")
        if self.plains and _PLAINS.fullmatch("\n".join([values[place] for place in self.plains])) is None:
            return None
        for place, _ in self.runs:
            values[place] = values[place].replace("\n", '","')
        return (self.form % tuple(values)).encode()


class Shapes:
    """The shapes learnt so far from the texts of one indentation."""

    def __init__(self, indent: str) -> None:
        self._indent = len(indent)
        self._known: dict[tuple[_Line, ...], Shape] = {}
        self._by_lines: dict[int, list[Shape]] = {}
        self._counts: dict[tuple[_Line, ...], int] = {}

    def canonical(self, text: str) -> bytes | None:
        """Return the canonical form of what a text says; None where its shape is not known."""
        for shape in self._by_lines.get(text.count("\n"), ()):
            found = shape.canonical(text)
            if found is not None:
                return found
        return None

    def learn(self, text: str, rows: Sequence[Row], tree: dict[str, Tree]) -> None:
        """Count the shape of a text that the general reader took, and know it from then on if it came often."""
        alike = self._by_lines.get(len(rows) - 1, [])
        if len(rows) > _MAX_LINES or len(alike) >= _MAX_ALIKE:
            return
        lines = _lines(rows)
        if lines not in self._known:
            self._count(lines)
            if self._counts[lines] < OFTEN or len(self._known) >= _MAX_SHAPES:
                return
            self._known[lines] = _shape(lines, self._indent)
        shape = self._known[lines]
        if shape not in alike and shape.canonical(text) == orjson.dumps(tree, option=orjson.OPT_SORT_KEYS):
            self._by_lines[len(rows) - 1] = [*alike, shape]

    @property
    def known(self) -> int:
        """Return how many shapes are known."""
        return len(self._known)

    def _count(self, lines: tuple[_Line, ...]) -> None:
        if len(self._counts) > _MAX_COUNTED:
            self._counts.clear()
        self._counts[lines] = self._counts.get(lines, 0) + 1


def _lines(rows: Sequence[Row]) -> tuple[_Line, ...]:
    """Return the lines of a shape; items of one list that are plain texts are one line."""
    lines: list[_Line] = []
    for spaces, dash, key, quoted, plain, escaped in rows:
        kind = _kind(quoted, plain, escaped)
        if kind == "plain" and dash and not key:
            kind = "run"
        line = (spaces, dash, key, kind) if dash or key or kind != "none" else ("", "", "", "none")
        if kind != "run" or not lines or lines[-1] != line:
            lines.append(line)
    return tuple(lines)


def _kind(quoted: str, plain: str, escaped: str) -> str:
    if quoted or escaped:
        return "single" if quoted.startswith("'") else "double"
    return "null" if plain == "null" else "plain" if plain else "none"


def _shape(lines: Sequence[_Line], indent: int) -> Shape:
    """Make the expression and the form of a shape: what the general reader makes of its lines with places as values."""
    patterns, rows = [], []
    plains, runs = set(), {}
    count = 0
    for line in lines:
        spaces, dash, key, kind = line
        has_group = kind not in ("null", "none")
        count += has_group
        rows.append((spaces, dash, key, "", f"@{count}" if has_group else kind.replace("none", ""), ""))
        start = _start(line)
        if kind == "run":
            runs[count] = "\n" + start
        if kind in ("run", "plain"):
            plains.add(count)
        patterns.append(_pattern(line, start))
    form = orjson.dumps(fold(rows, indent), option=orjson.OPT_SORT_KEYS).decode()
    groups = [int(found) for found in _PLACE.findall(form)]
    return Shape(
        re.compile("\n".join(patterns)),
        _PLACE.sub('"%s"', form),
        tuple(groups),
        tuple([place for place, group in enumerate(groups) if group in plains]),
        tuple([(place, runs[group]) for place, group in enumerate(groups) if group in runs]),
    )


def _start(line: _Line) -> str:
    """Return a line up to its value."""
    spaces, dash, key, kind = line
    return spaces + dash + (f"{key}:" if key else "") + (" " if key and kind != "none" else "")


def _pattern(line: _Line, start: str) -> str:
    if line[3] == "run":
        return f"{start}(.*+(?:\n{start}.*+)*+)"
    return start + _VALUES[line[3]] if start else " *+"
