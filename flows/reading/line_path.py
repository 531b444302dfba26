"""The field path of a place in YAML that could not be parsed, from the indentation of its lines.

A parser that stumbles has thrown away what it stood in, or is some tokens ahead. But people see a document as lines:
a key belongs to the nearest key above that is indented less. That is read here. It is exact for block style without
texts over several lines that look like keys, and only ever used to tell an error.
"""

import re
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from flows.reading.problems import Path, plain_breaks

_MAX_LINES, _MAX_LINE = 100_000, 2_000
_LINE = re.compile(r"""( *)((?:- +|-$)*)(?:["']?([^\s"'#:\[\]{},-][^:"'#]*?)["']?[ \t]*:(?=[ \t]|$))?""")
# The line of the mistake itself may lack the blank after its colon, or hold a character that is no blank to YAML.
_OWN_LINE = re.compile(r"""( *)((?:- +|-$)*)(?:["']?([A-Za-z_][\w-]*)["']?[ \t]*(?::(?!//)|=))?""")
KEY_LINE = re.compile(r"""[ \t]*(?:- +)*["']?[A-Za-z_][\w-]*["']?[ \t]*:(?:[ \t]|$)""")
"""A line that people would say begins a field."""


class _Node(NamedTuple):
    """A key, or a list item (key None), and the column that it begins at."""

    column: int
    key: str | None
    has_value: bool


def line_bounds(text: str, index: int) -> tuple[int, int]:
    """Return where the line of an index begins and ends, in a text with plain breaks."""
    end = text.find("\n", index)
    return text.rfind("\n", 0, index) + 1, len(text) if end < 0 else end


def lines_above(text: str, index: int) -> Iterator[tuple[int, str]]:
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
    above = (_nodes(line, _LINE) for _, line in lines_above(text, start))
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
    return nodes if match[3] is None else [*nodes, _Node(match.end(2), match[3], has_value)]
