"""YAML as structure and strings only.

The meaning is PyYAML's CBaseLoader: every scalar is its text, so a provider called `1843` or `No` stays a name; types
come later, from the models. A plain `null`, `~` or nothing is None. Read here are libyaml's events, not composed
nodes: only events tell of anchors, a loop over them has no recursion that ten thousand levels could overrun, and
reading can stop at any event. Whatever makes YAML more than a tree (anchors, aliases, tags, merge keys, a second
document) or ambiguous (duplicate keys) is a flaw, all of them listed. A syntax error ends the reading, as it must.
Rejected: rapidyaml, py-yaml12 and ryaml as the reader: each takes documents that PyYAML refuses or reads others
otherwise (`007`, duplicate keys, a second document, control characters).
"""

import re
from collections.abc import Callable
from typing import Any

import yaml
from yaml._yaml import CParser

from flows.reading.hints import CUTTING, Cut, Source, cut_after
from flows.reading.problems import MAX_DEPTH, MAX_NODES, Flaw, Path, Places, Tree, is_secret, plain_breaks
from flows.reading.syntax import quotes_round, syntax_flaw
from schemas.text import sample

MAX_FLAWS = 1_000
# No model reads deeper, so deeper values need no place; the paths of a hostile document would fill the memory.
_MAX_PLACE_DEPTH = 8

_NULLS = frozenset(("", "~", "null"))
_TOKEN = re.compile(r"\S{1,80}")


def read_tree(text: str) -> Source:
    """Read one YAML document, from its `---` line to the end of the text. Raises nothing: what is wrong is a flaw."""
    builder = _Builder(text)
    try:
        builder.read()
    except yaml.MarkedYAMLError as error:
        builder.flaws.append(syntax_flaw(error, text, builder.last))
    except yaml.reader.ReaderError as error:
        builder.flaws.append(Flaw(0, (), "yaml_syntax", "printable text", sample(str(error.reason))))
    return Source(builder.tree, builder.places, plain_breaks(text), builder.cuts, builder.flaws)


_Event = Any
"""An event of libyaml: its marks, anchor, tag, value, and whether it is plain. The stubs allow a mark to be None."""


class _Frame:
    """A mapping or list that is being read: at which path, with which key next, and whether it is itself a key."""

    __slots__ = ("container", "is_key", "key", "path")

    def __init__(self, container: list[Tree] | dict[str, Tree], path: Path, is_key: bool) -> None:
        self.container, self.path, self.is_key = container, path, is_key
        self.key: str | None = None

    @property
    def wants_key(self) -> bool:
        return self.key is None and isinstance(self.container, dict)

    @property
    def next_path(self) -> Path:
        step = len(self.container) if isinstance(self.container, list) else self.key
        return self.path if step is None else (*self.path, step)


class _EndOfReading(Exception):
    """Reading goes no further: what was found condemns the document anyhow."""


class _Builder:
    """Builds the tree from events; the attributes hold what was found so far."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tree: Tree = None
        self.places: Places = {(): 0}
        self.flaws: list[Flaw] = []
        self.cuts: list[Cut] = []
        self.last = (0, 0)
        self._can_cut = CUTTING.search(text) is not None
        self._stack: list[_Frame] = []
        self._documents = 0

    def read(self) -> None:
        """Read all events, or stop at a limit. Raises yaml.YAMLError."""
        get_event: Callable[[], Any] = CParser(self.text).get_event
        handle: dict[type[yaml.Event], Callable[[Any], None]] = {
            yaml.ScalarEvent: self._scalar,
            yaml.MappingStartEvent: self._open,
            yaml.SequenceStartEvent: self._open,
            yaml.MappingEndEvent: self._close,
            yaml.SequenceEndEvent: self._close,
            yaml.AliasEvent: self._alias,
            yaml.DocumentStartEvent: self._document,
        }
        nodes = 0
        try:
            while (event := get_event()) is not None:
                nodes += 1
                if nodes > MAX_NODES:
                    self._flaw(event, "too_many_values", f"at most {MAX_NODES} values", None)
                    raise _EndOfReading
                action = handle.get(type(event))
                if action is not None:
                    action(event)
        except _EndOfReading:
            return

    def _flaw(self, event: _Event, reason: str, expected: str, found: str | None) -> None:
        path = self._path()
        shown = None if found is None or is_secret(path) else sample(found)
        self.flaws.append(Flaw(event.start_mark.index, path, reason, expected, shown))
        if len(self.flaws) >= MAX_FLAWS:
            raise _EndOfReading

    def _path(self) -> Path:
        return self._stack[-1].next_path if self._stack else ()

    def _token(self, event: _Event) -> str:
        match = _TOKEN.match(self.text, event.start_mark.index)
        return match.group() if match else ""

    def _check(self, event: _Event) -> None:
        if event.anchor is not None:
            self._flaw(event, "anchor", f"no anchors; {quotes_round('&')}", self._token(event))
        if event.tag is not None:
            self._flaw(event, "tag", f"no explicit tags; {quotes_round('!')}", self._token(event))

    def _document(self, event: _Event) -> None:
        self._documents += 1
        if self._documents > 1:
            self._flaw(event, "second_document", "one YAML document", self._token(event))
            raise _EndOfReading

    def _scalar(self, event: _Event) -> None:
        self.last = (event.start_mark.index, event.end_mark.index)
        self._check(event)
        if self._stack and self._stack[-1].wants_key:
            self._name(self._stack[-1], event)
            return
        is_plain = event.implicit[0]
        if self._can_cut and is_plain:
            self._note_cut(event)
        self._attach(None if is_plain and event.value in _NULLS else event.value, event)

    def _note_cut(self, event: _Event) -> None:
        """Note what a comment, or a line break that no editor shows, cuts off a plain text."""
        index = cut_after(self.text, event.end_mark.index)
        if index is not None and len(self.cuts) < MAX_FLAWS:
            self.cuts.append(Cut(self._path(), index, event.value))

    def _name(self, frame: _Frame, event: _Event) -> None:
        frame.key = event.value
        if event.value == "<<" and event.implicit[0]:
            self._flaw(event, "merge_key", "no merge keys", "<<")
        elif event.value in frame.container:
            self._flaw(event, "duplicate_key", "each key once", event.value)

    def _attach(self, value: Tree, event: _Event) -> None:
        """Put a value, or a container that is still empty, where it belongs, and note where it begins."""
        path = self._path()
        if len(path) <= _MAX_PLACE_DEPTH:
            self.places[path] = event.start_mark.index
        if not self._stack:
            self.tree = value
            return
        frame = self._stack[-1]
        if isinstance(frame.container, list):
            frame.container.append(value)
        elif frame.key is not None:
            frame.container[frame.key] = value
            frame.key = None

    def _open(self, event: _Event) -> None:
        self._check(event)
        is_key = bool(self._stack) and self._stack[-1].wants_key
        if is_key:
            token = self._token(event)
            expected = f"text as a key; {quotes_round(token[0])}" if token[:1] in ("{", "[") else "text as a key"
            self._flaw(event, "bad_key", expected, token)
        if len(self._stack) >= MAX_DEPTH:
            self._flaw(event, "too_deep", f"at most {MAX_DEPTH} levels", None)
            raise _EndOfReading
        container: list[Tree] | dict[str, Tree] = {} if isinstance(event, yaml.MappingStartEvent) else []
        path = self._path()
        if not is_key:
            self._attach(container, event)
        self._stack.append(_Frame(container, path, is_key))

    def _close(self, _event: _Event) -> None:
        if self._stack.pop().is_key:
            self._stack[-1].key = "?"

    def _alias(self, event: _Event) -> None:
        self._flaw(event, "alias", f"no aliases; {quotes_round('*')}", self._token(event))
        if self._stack and self._stack[-1].wants_key:
            self._stack[-1].key = "*"
        else:
            self._attach(None, event)
