"""Reads the lines of a mapping, where the form of each line proves what it means.

A text is taken only if every line of it, blank ones aside, is one complete `key: value`, `- key: value` or `- value`
with a value that ends on its line: quoted, or plain and begun by a letter or digit; if the lines, by their indentation,
close all that they open; and if no character is a line break to YAML alone, a tab or a control. What such a text means
can be told without libyaml, which a property test holds it to. Measured: this reader takes 40 % of the time of
libyaml's events, no more than py-yaml12, and has only one referee to agree with.
"""

import json
import re
from collections.abc import Sequence

from flows.reading.problems import MAX_DEPTH, Tree

# CPython before 3.11.5 matches possessive groups wrongly (gh-106052), so only repeats of one character are possessive.

# Not printable to libyaml, or a line break to it alone (NEL, LS, PS), or a byte order mark, or a tab.
_FORBIDDEN = re.compile("[^\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_ASCII = bytes([10, *range(0x20, 0x7F)])
_PLAIN = (
    r"(?:[A-Za-z0-9\u00a1-\U0010ffff]|-[0-9])[^\n :#]*+"
    r"(?:(?: ++(?=[^ #:\n])|:(?=[^ \n])|#)[^\n :#]*+)*"
)
# The escapes that JSON and YAML 1.1 share, surrogates left out: libyaml refuses them.
_ESCAPED = r'(?:[^"\\\n]++|\\(?:["\\rnt]|u(?:[0-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2})))*'
_LINE = re.compile(
    r"^( *+)(- )?(?:([A-Za-z][A-Za-z0-9_]{0,99}+):(?: |$))?"
    rf"""(?:("[^"\\\n]*+"|'[^'\n]*+')|({_PLAIN})|("{_ESCAPED}"))?$""",
    re.MULTILINE,
)
_NULLS = ("", "null")
_MAX_BYTES = 100_000

_Row = tuple[str, str, str, str, str, str]
"""One line: its indentation, its dash, its key, and its value as quoted, as plain or with escapes."""


def read_lines(block: bytes, indent: str) -> dict[str, Tree] | None:
    """Return the mapping that a block's lines are; None where their form proves nothing.

    In: the block without the indentation of its first line, and that indentation: `""` for a root, four blanks for an
    entry of its related list.
    """
    text = _text_of(block, indent)
    rows: list[_Row] = [] if text is None else _LINE.findall(text)
    if text is None or len(rows) != text.count("\n") + 1:
        return None
    return _fold(rows, len(indent))


def _text_of(block: bytes, indent: str) -> str | None:
    """Return the text of a block, indented like its other lines; None where a character is not for this reader."""
    if len(block) > _MAX_BYTES:
        return None
    # All that is not printable ASCII is judged apart: in UTF-8 no byte below 0x80 is part of another character.
    rest = block.translate(None, _ASCII)
    try:
        if rest and _FORBIDDEN.search(rest.decode()) is not None:
            return None
        return indent + block.decode()
    except UnicodeDecodeError:
        return None


_Open = tuple[int, dict[str, Tree] | list[Tree] | None]


def _fold(rows: Sequence[_Row], base: int) -> dict[str, Tree] | None:
    """Fold lines into a tree by their indentation; None where one does not fit what is open, or lies too deep.

    The base tells how deep the mapping lies itself: a root at 0, an entry of its related list at 4, two levels below.
    """
    most = MAX_DEPTH + 1 - base // 2
    root: dict[str, Tree] = {}
    stack: list[_Open] = [(-1, None), (base, root)]
    waiting: tuple[int, dict[str, Tree], str] | None = None
    for spaces, dash, key, quoted, plain, escaped in rows:
        has_value = quoted or plain or escaped
        if not (dash or key or has_value):
            continue
        column = len(spaces)
        if waiting is not None and column > waiting[0]:
            # A key without a value is given the mapping or list that a deeper line opens.
            child: dict[str, Tree] | list[Tree] = [] if dash else {}
            waiting[1][waiting[2]] = child
            stack.append((column, child))
        waiting = None
        while stack[-1][0] > column:
            stack.pop()
        top = stack[-1][1] if stack[-1][0] == column else None
        value: Tree = quoted[1:-1] if quoted else json.loads(escaped) if escaped else None if plain in _NULLS else plain
        if dash:
            if not isinstance(top, list) or not (key or has_value) or len(stack) > most:
                return None
            if not key:
                top.append(value)
                continue
            column += 2
            item: dict[str, Tree] = {}
            top.append(item)
            stack.append((column, item))
            top = item
        if not isinstance(top, dict) or not key or key in top or len(stack) > most:
            return None
        top[key] = value
        waiting = None if has_value else (column, top, key)
    return root
