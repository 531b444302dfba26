"""The fast lane: documents whose related entries are read once each, however many documents repeat them.

In the real source 153,997 of 161,223 related entries are, letter for letter, one that another document holds too. So a
document is cut into its root part and the blocks of its related list, and each distinct block is parsed, validated and
keyed once, by its bytes. Cutting may never change the meaning; that is proved by form alone, and every document
whose form does not prove it takes the slow lane, whole, through libyaml (flows/yaml_tree.py).

The proof. A block is taken only if every line of it, blank ones aside, is one complete `key: value`, `- key: value` or
`- value` with a value that ends on its line: quoted, or plain and begun by a letter or digit; if the lines, by their
indentation, close all that they open; and if no character is a line break to YAML alone, a tab or a control. Such a
block is whole at its end, whatever follows at a lesser indentation, so by induction the list is cut exactly between
its items. Whatever has a problem is judged again by the slow lane, which alone tells problems.

`secured`, when it is the last line as it always is, is cut off unread. Measured: this reader of lines takes 40 % of
the time of libyaml's events on a block, no more than py-yaml12, and has only one referee to agree with.
"""

import json
import re
from collections.abc import Sequence
from operator import attrgetter

from flows.entries import SECRET, Entry
from flows.tree import MAX_NODES, Tree
from flows.validate import MAX_RELATED, RELATED, Context, Judged, Verdict, content_digest, judge_mention

# Not printable to libyaml, or a line break to it alone (NEL, LS, PS), or a byte order mark, or a tab.
_FORBIDDEN = re.compile("[^\n\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
_PLAIN = (
    r"(?:[A-Za-z0-9\u00a1-\U0010ffff]|-[0-9])[^\n :#]*+"
    r"(?:(?: ++(?=[^ #:\n])|:(?=[^ \n])|#)[^\n :#]*+)*+"
)
# The escapes that JSON and YAML 1.1 share, surrogates left out: libyaml refuses them.
_ESCAPED = r'(?:[^"\\\n]++|\\(?:["\\rnt]|u(?:[0-9a-cA-CefEF][0-9a-fA-F]{3}|[dD][0-7][0-9a-fA-F]{2})))*'
_LINE = re.compile(
    r"^( *)(- )?(?:([A-Za-z][A-Za-z0-9_]{0,99}):(?: |$))?"
    rf"""(?:("[^"\\\n]*"|'[^'\n]*')|({_PLAIN})|("{_ESCAPED}"))?$""",
    re.MULTILINE,
)
_SECRET_LINE = re.compile(rb'\nsecured: "[\x20\x21\x23-\x5b\x5d-\x7e]*"\n?\Z')
_FENCE, _SECRET, _RELATED, _ITEM = b"---\n", b"\nsecured: ", b"\nrelated:\n", b"\n  - "
_INDENT, _END = "    ", b"\n---\n"
_MAX_LINES = MAX_NODES // 6
# A value takes two bytes at least, with what parts it from the next: fewer bytes cannot hold too many values.
_SURE_BYTES = 2 * MAX_NODES
_MAX_BLOCK_BYTES = 100_000
_digest = attrgetter("digest")


class Memo:
    """The blocks read so far, for one as-of; None for a block that the fast lane does not take.

    Bounded by bytes in two generations, so that memory is flat over any number of documents: a full generation is
    kept until the next one is full, and what is met again moves on.
    """

    def __init__(self, context: Context, max_bytes: int = 6_000_000) -> None:
        """Start empty; max_bytes bounds the blocks of one generation."""
        self.context = context
        self._max_bytes, self._held = max_bytes, 0
        self._young: dict[bytes, Entry | None] = {}
        self._old: dict[bytes, Entry | None] = {}

    @property
    def held(self) -> int:
        """Return the bytes of the blocks held now."""
        return sum(map(len, self._young)) + sum(map(len, self._old))

    def entries(self, blocks: Sequence[bytes]) -> list[Entry] | None:
        """Return the entries of related blocks, or None where one of them is not for the fast lane."""
        found = list(map(self._young.get, blocks))
        if None in found:
            found = [known or self._entry(block) for known, block in zip(found, blocks, strict=True)]
        known = [entry for entry in found if entry is not None]
        return known if len(known) == len(blocks) else None

    def _entry(self, block: bytes) -> Entry | None:
        if block in self._young:
            return self._young[block]
        entry = self._old[block] if block in self._old else _clean(judge_block(block, self.context))
        if self._held > self._max_bytes:
            self._old, self._young, self._held = self._young, {}, 0
        self._young[block] = entry
        self._held += len(block)
        return entry


def judge_block(block: bytes, context: Context) -> Judged | None:
    """Judge the block of one related entry, its bytes after the dash; None where its form proves nothing."""
    tree = read_lines(block, _INDENT)
    return None if tree is None else judge_mention(tree, context)


def _clean(judged: Judged | None) -> Entry | None:
    return None if judged is None or judged.flaws else judged.entry


def judge_fast(data: bytes, memo: Memo) -> Verdict | None:
    """Judge a document by its blocks, or return None where only the slow lane can. Raises nothing."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    data = data.removeprefix(b"\xef\xbb\xbf")
    # Most documents end with the fence. If another stands before it, the lines up to here are not of the fast lane.
    close = len(data) - len(_END) if data.endswith(_END) else data.find(b"\n---", 3)
    if not data.startswith(_FENCE) or data[close + 4 : close + 5] not in (b"", b"\n") or close < 0:
        return None
    body = _body(data[close + 5 :])
    if body is None or (len(data) > _SURE_BYTES and data.count(b"\n", 0, close) > _MAX_LINES):
        return None
    cut = data.rfind(_SECRET, 0, close)
    has_secret = cut >= 0 and _SECRET_LINE.match(data, cut, close) is not None
    return _judge_parts(data[4 : cut if has_secret else close], has_secret, body, memo)


def _body(data: bytes) -> str | None:
    """Return the body as text, None where it is none (or breaks lines as the slow lane should see)."""
    if b"\0" in data or b"\r" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _judge_parts(front: bytes, has_secret: bool, body: str, memo: Memo) -> Verdict | None:
    head, related, section = front.partition(_RELATED)
    tree = read_lines(head, "")
    if tree is None or RELATED in tree or (has_secret and SECRET in tree):
        return None
    entries: list[Entry] | None = []
    if related:
        if not section.startswith(_ITEM[1:]):
            return None
        blocks = section[4:].rstrip(b"\n").split(_ITEM)
        entries = memo.entries(blocks) if len(blocks) <= MAX_RELATED else None
    root = judge_mention(tree, memo.context) if entries is not None else None
    if entries is None or root is None or root.entry is None or root.flaws:
        return None
    digest = content_digest([root.digest, *map(_digest, entries)], body)
    return Verdict(digest, range(len(entries) + 1), [root.entry, *entries], ())


def read_lines(block: bytes, indent: str) -> dict[str, Tree] | None:
    """Read the lines of a mapping whose keys stand at this indentation; None where the form proves nothing."""
    if len(block) > _MAX_BLOCK_BYTES:
        return None
    try:
        text = indent + block.decode()
    except UnicodeDecodeError:
        return None
    rows = _LINE.findall(text)
    if len(rows) != text.count("\n") + 1 or _FORBIDDEN.search(text) is not None:
        return None
    return _fold(rows, len(indent))


_Row = tuple[str, str, str, str, str, str]
_Open = tuple[int, dict[str, Tree] | list[Tree] | None]


def _fold(rows: Sequence[_Row], base: int) -> dict[str, Tree] | None:
    """Fold lines into a tree by their indentation; None where one does not fit what is open."""
    root: dict[str, Tree] = {}
    stack: list[_Open] = [(-1, None), (base, root)]
    waiting: tuple[int, dict[str, Tree], str] | None = None
    for spaces, dash, key, quoted, plain, escaped in rows:
        has_value = quoted or plain or escaped
        if not (dash or key or has_value):
            continue
        column = len(spaces)
        if waiting is not None:
            _open_child(waiting, column, bool(dash), stack)
            waiting = None
        while stack[-1][0] > column:
            stack.pop()
        top = stack[-1][1] if stack[-1][0] == column else None
        value: Tree = quoted[1:-1] if quoted else json.loads(escaped) if escaped else _plain(plain)
        if dash:
            if not isinstance(top, list) or not (key or has_value):
                return None
            if not key:
                top.append(value)
                continue
            column += 2
            top = _next_mapping(top, column, stack)
        if not isinstance(top, dict) or not key or key in top:
            return None
        top[key] = value
        waiting = None if has_value else (column, top, key)
    return root


def _open_child(waiting: tuple[int, dict[str, Tree], str], column: int, is_list: bool, stack: list[_Open]) -> None:
    """Give a key without a value the mapping or list that a deeper line opens."""
    if column > waiting[0]:
        child: dict[str, Tree] | list[Tree] = [] if is_list else {}
        waiting[1][waiting[2]] = child
        stack.append((column, child))


def _next_mapping(items: list[Tree], column: int, stack: list[_Open]) -> dict[str, Tree]:
    """Open the mapping that an item of a list is."""
    mapping: dict[str, Tree] = {}
    items.append(mapping)
    stack.append((column, mapping))
    return mapping


def _plain(text: str) -> str | None:
    return None if text in ("", "null") else text
