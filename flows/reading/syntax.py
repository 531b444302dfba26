"""What to tell a person whose YAML does not parse: where the mistake is, and what to do about it.

libyaml says where it stumbled and in the words of its grammar ("did not find expected key"). The mistake is often
lines above: at the quote that opens and is not closed, the colon without a space, the tab. So the common mistakes of
people who write front matter are recognised here, each by a small function that looks at the text around the place.
What none of them knows keeps the parser's words. Nothing here decides what is valid; it only explains a refusal.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from flows.reading.line_path import KEY_AGAIN, KEY_LINE, hidden_break, line_bounds, path_at, shown_at, text_above
from flows.reading.problems import Flaw, plain_breaks

if TYPE_CHECKING:  # documents of the common form need no PyYAML, and importing it would delay them
    import yaml

_VALUE = re.compile(r"""[ \t]*(?:- +)*(?:["']?[^\s"'#:][^:"'#]*?["']?[ \t]*:[ \t]+)?""")
_NO_SPACE = re.compile(r"([ \t]*(?:- +)*[A-Za-z_][\w-]*):(?=[^\s/:])")
_MAX_START = 2_000
_MAX_KEY = 1024  # YAML 1.1, 9.2
_QUOTES = ('"', "'")


@dataclass(frozen=True, slots=True)
class _Scene:
    """Where the parser stumbled (at), in what it stood (since), what it said, and the last scalar that it took."""

    text: str
    at: int
    since: int
    said: str
    last: tuple[int, int]

    @property
    def char(self) -> str:
        """The character at which the parser stumbled; nothing at the end."""
        return self.text[self.at : self.at + 1]

    @property
    def start(self) -> int:
        """Where the line of the place begins."""
        return line_bounds(self.text, self.at)[0]

    @property
    def before(self) -> str:
        """The line of the place, up to it."""
        return self.text[self.start : self.at]

    @property
    def value_start(self) -> int:
        """How many characters stand before the value in the line: blanks, dashes and a key."""
        match = _VALUE.match(self.before[:_MAX_START])
        return match.end() if match else 0

    @property
    def is_after_quote(self) -> bool:
        """Whether the place comes right after a quoted text."""
        start, end = self.last
        return self.text[start : start + 1] in _QUOTES and not self.text[end : self.at].strip(" ")

    def line(self, index: int) -> str:
        """Return the line of an index."""
        start, end = line_bounds(self.text, index)
        return self.text[start:end]


class _Advice(NamedTuple):
    """Where a mistake is, what would be right there, and from where on its text is shown (None: from the place on)."""

    at: int
    expected: str
    shown_from: int | None = None


def syntax_flaw(error: "yaml.MarkedYAMLError", text: str, last: tuple[int, int]) -> Flaw:
    """Return the flaw that a parser's error is, at the place where it can be mended."""
    text = plain_breaks(text)
    at = _index(error.problem_mark, text, 0)
    said = " ".join(part for part in (error.context, error.problem) if part)
    scene = _Scene(text, at, _index(error.context_mark, text, at), said, last)
    advice = next((advice for explain in _EXPLAIN if (advice := explain(scene)) is not None), None)
    index, expected, shown_from = advice or _Advice(at, f"valid YAML: {said}"[:200])
    path = path_at(text, index)
    found = shown_at(text, index if shown_from is None else shown_from, path)
    return Flaw(index, path, "yaml_syntax", expected, found)


def _index(mark: "yaml.Mark | None", text: str, default: int) -> int:
    return default if mark is None else min(mark.index, len(text))


def _tab(scene: _Scene) -> _Advice | None:
    if "tab character" not in scene.said and scene.char != "\t":
        return None
    start, end = line_bounds(scene.text, scene.at)
    index = scene.text.find("\t", start, end)
    if index < 0:
        return None
    is_indent = not scene.text[start:index].strip()
    return _Advice(index, "indent with spaces, not a tab" if is_indent else "a space, not a tab")


def _invisible(scene: _Scene) -> _Advice | None:
    """Find the character that no editor shows: in the line of the place, or in the text that goes on into it."""
    places = (hidden_break(scene.text, index) for index in (scene.at, scene.since, text_above(scene.text, scene.at)))
    return next((_Advice(*place) for place in places if place is not None), None)


def _unclosed_quote(scene: _Scene) -> _Advice | None:
    """Find the quote that is not closed: nothing closes it, or what does so was meant to open the next text."""
    if "quoted scalar" in scene.said and ("end of stream" in scene.said or "document indicator" in scene.said):
        return _not_closed(scene.text, scene.since)
    is_too_long = scene.is_after_quote and KEY_AGAIN.search(scene.text, *scene.last)
    return _not_closed(scene.text, scene.last[0]) if is_too_long else None


def _not_closed(text: str, index: int) -> _Advice:
    return _Advice(index, f"a closing {text[index]} in its line: the quote that opens here is not closed")


def _text_after_quote(scene: _Scene) -> _Advice | None:
    """A quote within a quoted text ends it: `'It's'`, `"He said "hi""`."""
    start, end = scene.last
    if not scene.is_after_quote or scene.char in "\n":
        return None
    if "flow" in scene.said and scene.at > end:
        return None  # an item of a list in brackets, without a comma
    is_single = scene.text[start] == "'"
    within = "such quotes write '' for an apostrophe" if is_single else 'such quotes write \\" for a quote'
    shown_from = start if start >= scene.start else None
    return _Advice(scene.at, f"nothing after the closing {scene.text[start]}; within {within}", shown_from)


def _escape(scene: _Scene) -> _Advice | None:
    if "parsing a quoted scalar" not in scene.said:
        return None
    index = max(scene.text.rfind("\\", scene.since, scene.at + 1), scene.since)
    return _Advice(index, "\\\\ for a backslash within double quotes, or single quotes round the text")


_STARTS = ("cannot start any token", "scanning an alias", "scanning an anchor", "a tag", "expected node content")


def _bad_start(scene: _Scene) -> _Advice | None:
    """A plain text that begins with a character that YAML keeps for itself."""
    if "block scalar" in scene.said and "comment or line break" in scene.said:
        sign = scene.text[scene.since]
        return _Advice(scene.since, f"quotes round a text that begins with `{sign}`, or a line break after it")
    index = scene.since if "scanning an a" in scene.said or "a tag" in scene.said else scene.at
    sign = scene.text[index : index + 1]
    if sign == "%" and scene.text[index - 1] == "{":  # `{% include %}`, of a template
        index, sign = index - 1, "{"
    if any(part in scene.said for part in _STARTS) and sign and sign in "@`%*&!,]}{":
        return _Advice(index, quotes_round(sign))
    if "directive" in scene.said:
        return _Advice(scene.since, quotes_round("%"))
    if "block sequence entries are not allowed" in scene.said:
        return _Advice(scene.at, "quotes round a text that begins with `- `, or its list from the next line on")
    return _Advice(scene.at, quotes_round("? ")) if "mapping keys are not allowed" in scene.said else None


def quotes_round(sign: str) -> str:
    """Return what to do about a plain text that begins with what YAML keeps for itself."""
    return "quotes round a text that begins with " + ("a backtick" if sign == "`" else f"`{sign}`")


def _bracket(scene: _Scene) -> _Advice | None:
    """A text that begins with a bracket is a list or mapping to YAML, and ends where the bracket does."""
    text = scene.before[scene.value_start :].rstrip(" ")
    if text[:1] not in ("[", "{") or text[-1:] not in ("]", "}") or scene.char in "\n" or "flow" in scene.said:
        return None
    return _Advice(scene.start + scene.value_start, quotes_round(text[0]))


def _flow(scene: _Scene) -> _Advice | None:
    """A bracket that is not closed, or a comma that is missing within."""
    sign = scene.text[scene.since : scene.since + 1]
    if "flow" not in scene.said or sign not in ("[", "{"):
        return None
    closing = "]" if sign == "[" else "}"
    is_root = scene.since == line_bounds(scene.text, scene.since)[0]
    has_next_field = not is_root and KEY_AGAIN.search(scene.text, scene.since, line_bounds(scene.text, scene.at)[1])
    if not has_next_field and scene.char not in ("", "\n", "]", "}"):
        return _Advice(scene.at, f"a comma before it, or `{closing}` at the end of what `{sign}` opens")
    return _Advice(scene.since, f"a closing `{closing}`, or quotes round a text that begins with `{sign}`")


def _colon_in_text(scene: _Scene) -> _Advice | None:
    """A plain text that holds a colon and a blank is a key to YAML: `title: Live: the vote`."""
    key, text = scene.before[: scene.value_start], scene.before[scene.value_start :]
    if "mapping values are not allowed" not in scene.said or ":" not in key or not text.strip():
        return None
    if text[0] in _QUOTES:
        return _Advice(scene.at, "nothing after the closing quote: put the whole text into quotes")
    straight = "straight " if text[0] in "\u201c\u201d\u201e\u2018\u2019\u00ab" else ""
    return _Advice(scene.at, f"{straight}quotes round a text that holds `: `", scene.start + scene.value_start)


def _no_colon(scene: _Scene) -> _Advice | None:
    """A line above, or this one, is no `key: value`, so the next line goes on with it or it cannot be a key."""
    is_this = "could not find expected ':'" in scene.said
    if not is_this and "mapping values are not allowed" not in scene.said:
        return None
    if len(scene.before) > _MAX_KEY:
        return _Advice(scene.start, f"a key of at most {_MAX_KEY} characters")
    start, _ = line_bounds(scene.text, scene.since if is_this else text_above(scene.text, scene.at))
    line = scene.line(start)
    match = _NO_SPACE.match(line)
    if match is not None:
        return _Advice(start + match.end(1), "a blank after the colon")
    first = start + len(line) - len(line.lstrip())
    if re.match(r" *-[^\s-]", line):
        return _Advice(first, "a blank after the dash")
    if KEY_LINE.match(line):
        return None
    above = scene.line(start - 1).rstrip() if start else ""
    if re.search(r": +[|>][-+0-9]*$", above):
        return _Advice(first, "the text of a block indented more than its key")
    return _Advice(first, "`key: value`; a text that goes on from the line above is indented or quoted")


def _indentation(scene: _Scene) -> _Advice | None:
    """The first character of a line stands where nothing can begin."""
    line = scene.line(scene.at)
    first = scene.start + len(line) - len(line.lstrip(" "))
    if "mapping values are not allowed" in scene.said:
        return _Advice(first, "the indentation of the key above, or quotes round a text that holds `: `")
    if scene.at != first:
        return None
    if scene.char == ":":
        return _Advice(first, "a key before the colon")
    if "'-' indicator" in scene.said and scene.char != "-":
        return _Advice(first, "`- ` as before the other items, or the indentation of the list's key")
    if "expected key" in scene.said and re.match("-( |$)", line.lstrip(" ")):
        return _Advice(first, "`key: value` as in the lines above, not a list item")
    return _Advice(first, "the indentation of the lines beside it") if "did not find expected" in scene.said else None


def _document_end(scene: _Scene) -> _Advice | None:
    if "<document start>" not in scene.said:
        return None
    above = text_above(scene.text, scene.at)
    line = scene.line(above)
    if line.startswith("..."):
        return _Advice(above, "no `...` line before the closing `---`")
    # A repeat within takes one line at most: with more, blank lines take time without end.
    body = re.match(r"[^\n]*\n(?:[ \t]*(?:#[^\n]*)?\n)*( +)(?=[^ #\n])", scene.text)
    if body is not None:
        return _Advice(body.end(), "no indentation before the first key")
    return _Advice(scene.at, "a colon and a blank after the key") if scene.before.strip() else None


_EXPLAIN = (
    _tab,
    _invisible,
    _unclosed_quote,
    _text_after_quote,
    _escape,
    _bad_start,
    _bracket,
    _flow,
    _colon_in_text,
    _no_colon,
    _document_end,
    _indentation,
)
