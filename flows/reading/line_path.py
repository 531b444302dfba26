"""What a person sees at a place of YAML: its line, the field that the line is of, and what no editor shows there.

A parser that stumbles has thrown away what it stood in, or is some tokens ahead. But people see a document as lines:
a key belongs to the nearest key above that is indented less. That is read here. It is exact for block style without
texts over several lines that look like keys, and only ever used to tell an error. An error shows the rest of a line,
but never what may be the secret.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain
from typing import NamedTuple

from flows.reading.problems import Path, is_secret, plain_breaks
from schemas.text import sample

_MAX_LINES, _MAX_LINE = 100_000, 2_000
_LINE = re.compile(r"""( *)((?:- +|-$)*)(?:["']?([^\s"'#:\[\]{},-][^:"'#]*+)["']?[ \t]*:(?=[ \t]|$))?""")
# The line of the mistake itself may lack the blank after its colon, or hold a character that is no blank to YAML.
_OWN_LINE = re.compile(r"""( *)((?:- +|-$)*)(?:["']?([A-Za-z_][\w-]*)["']?[ \t]*(?::(?!//)|=))?""")
KEY_LINE = re.compile(r"""[ \t]*(?:- +)*["']?[A-Za-z_][\w-]*["']?[ \t]*:(?:[ \t]|$)""")
"""A line that people would say begins a field."""
KEY_AGAIN = re.compile(rf"[\r\n]{KEY_LINE.pattern}")
"""Such a line, below the one of the place."""
_SECRET_LINE = re.compile(r"(?im)^[ \t-]*[\"']?(?:secured|secur\w*[\"']?[ \t]*[:=])")
# Blanks that YAML does not take for blanks, characters without a width, and line breaks to YAML alone (NEL, LS, PS).
INVISIBLE = "\u0085\u00a0\u00ad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
# Where one of them breaks the structure: in the indentation, at a key, after a colon or dash, or as a line break.
_BREAKING = re.compile(
    rf"[ \t]*(?:- +)*(?:(?=[{INVISIBLE}])|[\w\"'-]+(?=[{INVISIBLE}]+[\w\"' -]*:)"
    rf"|[\w\"'-]+ *:(?=[{INVISIBLE}])|-(?=[{INVISIBLE}]))"
    r"|[^\u0085\u2028\u2029]*(?=[\u0085\u2028\u2029])"
)


class _Node(NamedTuple):
    """A key, or a list item (key None), and the column that it begins at."""

    column: int
    key: str | None
    has_value: bool


def line_bounds(text: str, index: int) -> tuple[int, int]:
    """Return where the line of an index begins and ends, in a text with plain breaks."""
    end = text.find("\n", index)
    return text.rfind("\n", 0, index) + 1, len(text) if end < 0 else end


def _lines_above(text: str, index: int) -> Iterator[tuple[int, str]]:
    """Yield the lines above that of an index, the nearest first: where each begins, and its first characters.

    At most 100,000 lines, of a text with plain breaks.
    """
    start = text.rfind("\n", 0, index) + 1
    for _ in range(_MAX_LINES):
        if start == 0:
            return
        end, start = start - 1, text.rfind("\n", 0, start - 1) + 1
        yield start, text[start : min(end, start + _MAX_LINE)]


def path_at(text: str, index: int) -> Path:
    """Return the path of the field in whose line an index lies, as far as its keys can be read."""
    text = plain_breaks(text)
    start, end = line_bounds(text, index)
    line = text[start : min(end, start + _MAX_LINE)]
    above = (_nodes(line, _LINE) for _, line in _lines_above(text, start))
    path: list[str | int] = []
    limit, items = end - start + 1, -1  # items: how many of the list that is being counted were met; -1 for no list
    for nodes in chain([_own_nodes(line)], above):
        for node in reversed(nodes):
            if node.key is None and items >= 0 and node.column == limit:
                items += 1
            elif _holds(node, limit, is_list=items >= 0) and not (node.has_value and (path or items >= 0)):
                path.extend([items] if items >= 0 else [])
                items = 0 if node.key is None else -1
                limit = node.column
                path.extend([] if node.key is None else [node.key])
        if limit == 0 and items < 0:
            return tuple(reversed(path))
    return tuple(reversed(path))


def _holds(node: _Node, limit: int, *, is_list: bool) -> bool:
    """Tell whether what begins at a column lies in a node; a list may stand right below its key."""
    return node.column < limit or (is_list and node.key is not None and node.column == limit)


def _own_nodes(line: str) -> list[_Node]:
    """Return the nodes of the line that is in question, whose key may be damaged."""
    exact, loose = _nodes(line, _LINE), _nodes(line, _OWN_LINE)
    return exact if any(node.key for node in exact) or not any(node.key for node in loose) else loose


def _nodes(line: str, form: re.Pattern[str]) -> list[_Node]:
    """Return the list items and the key that a line begins, from left to right."""
    match = form.match(line)
    if match is None or line.startswith("---"):
        return []
    nodes = [_Node(match.end(1) + dash.start(), None, False) for dash in re.finditer("-", match[2])]
    value = line[match.end() :].strip()
    has_value = value != "" and value[0] not in "#|>"
    if match[3] is None:
        return nodes
    key = match[3] if line[match.end(3)] in "\"'" else match[3].rstrip(" \t")
    return [*nodes, _Node(match.end(2), key, has_value)]


def text_above(text: str, index: int) -> int:
    """Return the start of the last line above that is neither empty nor a comment."""
    return next((start for start, line in _lines_above(text, index) if line.lstrip()[:1] not in ("", "#")), 0)


def hidden_break(text: str, index: int) -> tuple[int, str] | None:
    """Return where in the line of an index an invisible character breaks the structure, and what to do about it."""
    start, end = line_bounds(text, index)
    end = min(end, start + _MAX_LINE)
    match = _BREAKING.match(text, start, end)
    if match is None or match.end() >= end:
        return None
    name = f"U+{ord(text[match.end()]):04X}"
    return match.end(), f"a plain blank or nothing in the place of the invisible character {name}"


def shown_at(text: str, index: int, path: Path) -> str | None:
    """Return the rest of a line as an error may show it: nothing in, or right after, what may be the secret."""
    if is_secret(path):
        return None
    secrets = _secret_lines(text)
    before = bisect_right(secrets, index)
    if before and KEY_AGAIN.search(text, secrets[before - 1], line_bounds(text, index)[1]) is None:
        return None
    return sample(text[index : line_bounds(text, index)[1]].rstrip(" ")) or None


@lru_cache(maxsize=1)  # a document may have a thousand flaws, and millions of lines
def _secret_lines(text: str) -> list[int]:
    """Return where the beginnings of lines end that may hold the secret."""
    return [match.end() for match in _SECRET_LINE.finditer(text)]
