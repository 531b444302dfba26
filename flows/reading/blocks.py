"""The fast lane: documents whose related entries are read once each, however many documents repeat them.

In the real source 153,997 of 161,223 related entries are, letter for letter, one that another document holds too. So a
document is cut into its root part and the blocks of its related list, and each distinct block is parsed, validated and
keyed once, by its bytes. Cutting may never change the meaning; that is proved by form alone, and every document
whose form does not prove it takes the slow lane, whole, through libyaml (flows/reading/yaml_tree.py).

The proof. A block is taken only if each of its lines is complete, no value goes on in the next, and its lines close all
that they open (flows/reading/lines.py). Such a block is whole at its end, whatever follows at a lesser indentation, so
by induction the list is cut exactly between its items. Whatever has a problem is judged again by the slow lane, which
alone tells problems.

`secured`, when it is the last line as it always is, is cut off unread.
"""

import re
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

import orjson
import pyarrow as pa

from flows.reading.columns import MANY, table_of_entries
from flows.reading.entries import SECRET, Entry, canonical_form, entry_of
from flows.reading.hints import RELATED
from flows.reading.lines import read_lines
from flows.reading.problems import MAX_NODES
from flows.reading.validate import MAX_RELATED, Verdict, content_digest, prove_entry
from schemas.documents import Context

_SECRET_LINE = re.compile(rb'\nsecured: "[\x20\x21\x23-\x5b\x5d-\x7e]*"\n?\Z')
_FENCE, _CLOSE, _SECRET, _RELATED, _ITEM = b"---\n", b"\n---", b"\nsecured: ", b"\nrelated:\n", b"\n  - "
_INDENT = "    "
# bytes.split looks at each space first, for its last byte; this looks at each line break, which takes a third less.
_CUT = re.compile(re.escape(_ITEM)).split
_MAX_LINES = MAX_NODES // 6
_digest = attrgetter("digest")


class Memo:
    """The blocks read so far, for one as-of; None for a block that the fast lane does not take.

    In two halves, so that memory is flat over any number of documents: where the newer one is full it becomes the
    older, which goes, and what is asked for again moves over. Of 8 MB this keeps what emptying one of 16 MB did.
    """

    def __init__(self, context: Context, max_bytes: int = 8_000_000) -> None:
        """Start empty; max_bytes bounds the blocks, and what their entries say."""
        self.context = context
        self._max_bytes, self._held = max_bytes, 0
        self._known: dict[bytes, Entry | None] = {}
        self._older: dict[bytes, Entry | None] = {}

    def entries(self, blocks: Sequence[bytes]) -> list[Entry] | None:
        """Return the entries of related blocks, or None where one of them is not for the fast lane."""
        found = list(map(self._known.get, blocks))
        if None in found:
            found = [known or self._entry(block) for known, block in zip(found, blocks, strict=True)]
        known = [entry for entry in found if entry is not None]
        return known if len(known) == len(blocks) else None

    def _entry(self, block: bytes) -> Entry | None:
        if block in self._known:
            return self._known[block]
        if self._held > self._max_bytes // 2:
            self._known, self._older, self._held = {}, self._known, 0
        entry = self._known[block] = self._older[block] if block in self._older else self._read(block, _INDENT)
        self._held += len(block) + (len(entry.said) if entry else 0)
        return entry

    def root(self, head: bytes, *, has_secret: bool) -> Entry | None:
        """Return the entry of a root; None where its form proves nothing, or where it says what is cut off."""
        return self._read(head, "", (RELATED, SECRET) if has_secret else (RELATED,))

    def _read(self, block: bytes, indent: str, barred: Sequence[str] = ()) -> Entry | None:
        tree = read_lines(block, indent)
        if tree is None or not tree.keys().isdisjoint(barred):
            return None
        tree.pop(SECRET, None)
        return entry_of(canonical_form(tree))


class Proved(NamedTuple):
    """Entries as a table (schemas/documents.py: ENTRIES), and in which row each is."""

    table: pa.Table
    rows: Mapping[Entry, int]
    context: Context

    def select(self, entries: Sequence[Entry]) -> pa.Table:
        """Return a table of some of these entries, and of others that were judged by the model."""
        if len(entries) < MANY:
            return table_of_entries(entries, self.context)[0]
        if len(self.rows) == self.table.num_rows and list(entries) == list(self.rows):
            return self.table
        others = [entry for entry in entries if entry not in self.rows]
        rows = {**self.rows, **{entry: place for place, entry in enumerate(others, self.table.num_rows)}}
        found = pa.concat_tables([self.table, table_of_entries(others, self.context)[0]])
        return found.take(pa.array([rows[entry] for entry in entries], pa.int64())).combine_chunks()


def prove(entries: Sequence[Entry], context: Context) -> Proved:
    """Judge entries of the fast lane, all at once; those that their columns cannot prove, by the model."""
    table, refused = table_of_entries(entries, context)
    for place in refused:
        entry = entries[place]
        entry.is_flawed = entry.is_flawed or bool(prove_entry(entry, orjson.loads(entry.said), context))
    return Proved(table, {entry: place for place, entry in enumerate(entries) if place not in refused}, context)


def read_fast(data: bytes, memo: Memo) -> Verdict | None:
    """Read a document by its blocks, or return None where only the slow lane can.

    Out: the verdict of a good document. It holds once its entries are proved and none is flawed.
    """
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    data = data.removeprefix(b"\xef\xbb\xbf")
    close = data.find(_CLOSE, 3)
    if not data.startswith(_FENCE) or close < 0 or data[close + 4 : close + 5] not in (b"", b"\n"):
        return None
    if b"\0" in data or b"\r" in data or data.count(b"\n", 0, close) > _MAX_LINES:
        return None
    try:
        body = data[close + 5 :].decode()
    except UnicodeDecodeError:
        return None
    secret = data.rfind(_SECRET, 0, close)
    has_secret = secret >= 0 and _SECRET_LINE.match(data, secret, close) is not None
    return _read_parts(data[4 : secret if has_secret else close], has_secret, body, memo)


def _read_parts(front: bytes, has_secret: bool, body: str, memo: Memo) -> Verdict | None:
    head, related, section = front.partition(_RELATED)
    entries: list[Entry] | None = []
    if related:
        if not section.startswith(_ITEM[1:]):
            return None
        blocks = _CUT(section[4:].rstrip(b"\n"))
        entries = memo.entries(blocks) if len(blocks) <= MAX_RELATED else None
    root = memo.root(head, has_secret=has_secret) if entries is not None else None
    if entries is None or root is None:
        return None
    mentions = [root, *entries]
    return Verdict(content_digest([*map(_digest, mentions)], body), range(len(mentions)), mentions, ())
