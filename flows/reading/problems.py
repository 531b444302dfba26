"""What YAML comes to here, and what is wrong with a document and where.

A problem is born as a flaw: a path into the parsed tree, or an index into the text, with a reason. Lines and columns
are made from it only then, so that a document without problems never pays for them. They are counted here from the
index and not taken from the YAML parser, because libyaml also breaks lines at NEL, LS and PS (YAML 1.1), where no
editor does.

Kept apart from flows/reading/yaml_tree.py, which needs PyYAML: documents of the common form are read without it, and
importing it takes time.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from schemas.ciphertext import hide_in_key, hide_scattered, is_secret_name
from schemas.text import printable

Path = tuple[str | int, ...]
Tree = str | None | list["Tree"] | dict[str, "Tree"]
# Where in the text each value of a tree begins, by its path.
Places = dict[Path, int]

MAX_NODES = 250_000
MAX_DEPTH = 100

NOTICE = "notice"
"""The scope of what is told and refuses nothing."""
_STRETCH = 65_536
_MAX_FIELD, _MAX_KEY = 200, 60


class Flaw(NamedTuple):
    """One fault, at an index of the text (None: there is no text), under a path of the tree."""

    at: int | None
    path: Path
    reason: str
    expected: str
    found: str | None = None


class Problem(NamedTuple):
    """One row of the problems table, without the reference (schemas/batches.py)."""

    position: int | None
    scope: str
    line: int | None
    column: int | None
    field: str
    reason: str
    expected: str
    found: str | None


class Lines:
    """The lines of a text, to turn an index into a 1-based line and column, both counted in characters.

    Breaks are counted by stretches and only as far as asked, since a list of them all is large where a file is nothing
    but line ends.
    """

    def __init__(self, text: str) -> None:
        """Keep the text; nothing is counted yet."""
        self._written, self._text = text, plain_breaks(text)
        self._before = [0]

    def place(self, index: int) -> tuple[int, int]:
        """Return line and column of the character at this index."""
        if index and self._written.startswith("\r\n", index - 1):
            index -= 1  # CRLF is one break, and begins where its CR is
        stretch = index // _STRETCH
        while len(self._before) <= stretch:
            end = len(self._before) * _STRETCH
            self._before.append(self._before[-1] + self._text.count("\n", end - _STRETCH, end))
        line = self._before[stretch] + self._text.count("\n", stretch * _STRETCH, index) + 1
        return line, index - self._text.rfind("\n", 0, index)


def plain_breaks(text: str) -> str:
    """Return a text of the same length in which LF ends each line, for what goes through many lines."""
    return text.replace("\r\n", " \n").replace("\r", "\n") if "\r" in text else text


def field_path(path: Path) -> str:
    """Return a path as people write it: `related[3].images[0].width`, counting from 0, cut where long."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else ("." if text else "") + _shown_key(step[: 2 * _MAX_KEY])
    return text if len(text) <= _MAX_FIELD else text[: _MAX_FIELD - 1] + "\u2026"


def is_secret(path: Path) -> bool:
    """Tell whether a path leads into the secret, or what is nearly called so."""
    return any(isinstance(step, str) and is_secret_name(step) for step in path)


@lru_cache(maxsize=4_096)
def _shown_key(key: str) -> str:
    shown = hide_in_key(key)
    return printable(shown if len(shown) <= _MAX_KEY else shown[: _MAX_KEY - 1] + "\u2026")


def hide_pieces(problems: Sequence[Problem]) -> list[Problem]:
    """Return a document's problems without what, taken together, they would show of a ciphertext."""
    shown = hide_scattered([problem.found for problem in problems])
    return [problem._replace(found=found) for problem, found in zip(problems, shown, strict=True)]


def problem_of(flaw: Flaw, lines: Lines, position: int | None, scope: str) -> Problem:
    """Return a flaw as a problem of a mention (by its position) or document, with its line and column."""
    line, column = (None, None) if flaw.at is None else lines.place(flaw.at)
    return Problem(position, scope, line, column, field_path(flaw.path), flaw.reason, flaw.expected, flaw.found)


def place_of(places: Places, path: Path) -> int:
    """Return where the value at a path begins, or the nearest one on the way to it that exists."""
    while path not in places:
        path = path[:-1]
    return places[path]


def value_at(tree: Tree, path: Path) -> Tree:
    """Return the value at a path; None where the path leads nowhere."""
    for step in path:
        if isinstance(tree, dict) and isinstance(step, str):
            tree = tree.get(step)
        elif isinstance(tree, list) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree
