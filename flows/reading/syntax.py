"""What to tell a person whose YAML does not parse: where the mistake is, and what to do about it.

libyaml says where it stumbled and in the words of its grammar ("did not find expected key"). The mistake is often
lines above: at the quote that opens and is not closed, the colon without a space, the tab. So the common mistakes of
people who write front matter are recognised here, each by a small function that looks at the text around the place.
What none of them knows keeps the parser's words. Nothing here decides what is valid; it only explains a refusal.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from flows.reading.line_path import KEY_LINE, line_bounds, lines_above, path_at
from flows.reading.problems import Flaw, Path, plain_breaks
from schemas.ciphertext import is_secret_name
from schemas.text import sample

if TYPE_CHECKING:  # documents of the common form need no PyYAML, and importing it would delay them
    import yaml

# Blanks that YAML does not take for blanks, characters without a width, and line breaks to YAML alone (NEL, LS, PS).
INVISIBLE = "\u0085\u00a0\u00ad\u1680\u180e\u2000-\u200f\u2028-\u202f\u205f-\u2064\u3000\ufeff"
# Where one of them breaks the structure: in the indentation, at a key, after a colon or dash, or as a line break.
_BREAKING = re.compile(
    rf"[ \t]*(?:- +)*(?:(?=[{INVISIBLE}])|[\w\"'-]+(?=[{INVISIBLE}]+[\w\"' -]*:)"
    rf"|[\w\"'-]+ *:(?=[{INVISIBLE}])|-(?=[{INVISIBLE}]))"
    r"|[^\u0085\u2028\u2029]*(?=[\u0085\u2028\u2029])"
)
_VALUE = re.compile(r"""[ \t]*(?:- +)*(?:["']?[^\s"'#:][^:"'#]*?["']?[ \t]*:[ \t]+)?""")
_NO_SPACE = re.compile(r"([ \t]*(?:- +)*[A-Za-z_][\w-]*):(?=[^\s/:])")
_MAX_START = 2_000
_MAX_KEY = 1024  # YAML 1.1, 9.2
_QUOTES = ('"', "'")
_SECRET_LINE = re.compile(r"(?im)^[ \t-]*[\"']?(?:secured|secur\w*[\"']?[ \t]*[:=])")
_KEY_AGAIN = re.compile(rf"[\r\n]{KEY_LINE.pattern}")


class Scalar(NamedTuple):
    """Where the last scalar that the parser took begins and ends."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Scene:
    """Where the parser stumbled (at), in what it stood (since), what it said, and the last scalar that it took."""

    text: str
    at: int
    since: int
    said: str
    last: Scalar

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
    def is_after_quote(self) -> bool:
        """Whether the place comes right after a quoted text."""
        start, end = self.last
        return self.text[start : start + 1] in _QUOTES and not self.text[end : self.at].strip(" ")

    def line(self, index: int) -> str:
        """Return the line of an index."""
        start, end = line_bounds(self.text, index)
        return self.text[start:end]


class _Told(NamedTuple):
    """Where a mistake is, what would be right there, and from where on its text is shown (None: from the place on)."""

    at: int
    expected: str
    shown_from: int | None = None


def syntax_flaw(error: "yaml.MarkedYAMLError", text: str, last: Scalar) -> Flaw:
    """Return the flaw that a parser's error is, at the place where it can be mended."""
    text = plain_breaks(text)
    at = _index(error.problem_mark, text, 0)
    said = " ".join(part for part in (error.context, error.problem) if part)
    scene = _Scene(text, at, _index(error.context_mark, text, at), said, last)
    told = next((told for explain in _EXPLAIN if (told := explain(scene)) is not None), None)
    index, expected, shown_from = told or _Told(at, f"valid YAML: {said}"[:200])
    path = path_at(text, index)
    found = shown_at(text, index if shown_from is None else shown_from, path)
    return Flaw(index, path, "yaml_syntax", expected, found)


def _index(mark: "yaml.Mark | None", text: str, default: int) -> int:
    return default if mark is None else min(mark.index, len(text))


def shown_at(text: str, index: int, path: Path) -> str | None:
    """Return the rest of a line as an error may show it: nothing in, or right after, what may be the secret."""
    if any(isinstance(step, str) and is_secret_name(step) for step in path):
        return None
    secrets = list(_SECRET_LINE.finditer(text, 0, index))
    if secrets and _KEY_AGAIN.search(text, secrets[-1].end(), line_bounds(text, index)[1]) is None:
        return None
    return sample(text[index : line_bounds(text, index)[1]].rstrip(" ")) or None


def _tab(scene: _Scene) -> _Told | None:
    if "tab character" not in scene.said and scene.char != "\t":
        return None
    start, end = line_bounds(scene.text, scene.at)
    index = scene.text.find("\t", start, end)
    if index < 0:
        return None
    is_indent = not scene.text[start:index].strip()
    return _Told(index, "indent with spaces, not a tab" if is_indent else "a space, not a tab")


def _invisible(scene: _Scene) -> _Told | None:
    """Find the character that no editor shows: in the line of the place, or in the text that goes on into it."""
    places = (hidden_break(scene.text, index) for index in (scene.at, scene.since, _text_before(scene)))
    return next((_Told(*place) for place in places if place is not None), None)


def hidden_break(text: str, index: int) -> tuple[int, str] | None:
    """Return where in the line of an index an invisible character breaks the structure, and what to do about it."""
    start, end = line_bounds(text, index)
    end = min(end, start + _MAX_START)
    match = _BREAKING.match(text, start, end)
    if match is None or match.end() >= end:
        return None
    name = f"U+{ord(text[match.end()]):04X}"
    return match.end(), f"a plain blank or nothing in the place of the invisible character {name}"


def _text_before(scene: _Scene) -> int:
    """Return the start of the last line above that is neither empty nor a comment."""
    return next(
        (
            start
            for start, line in lines_above(scene.text, scene.at)
            if line.strip() and not line.lstrip().startswith("#")
        ),
        0,
    )


def _unclosed_quote(scene: _Scene) -> _Told | None:
    """Find the quote that is not closed: nothing closes it, or what does so was meant to open the next text."""
    if "quoted scalar" in scene.said and ("end of stream" in scene.said or "document indicator" in scene.said):
        return _not_closed(scene.text, scene.since)
    is_too_long = scene.is_after_quote and _KEY_AGAIN.search(scene.text, *scene.last)
    return _not_closed(scene.text, scene.last.start) if is_too_long else None


def _not_closed(text: str, index: int) -> _Told:
    return _Told(index, f"a closing {text[index]} in its line: the quote that opens here is not closed")


def _text_after_quote(scene: _Scene) -> _Told | None:
    """A quote within a quoted text ends it: `'It's'`, `"He said "hi""`."""
    start, end = scene.last
    if not scene.is_after_quote or scene.char in "\n":
        return None
    if "flow" in scene.said and scene.at > end:
        return None  # an item of a list in brackets, without a comma
    is_single = scene.text[start] == "'"
    within = "such quotes write '' for an apostrophe" if is_single else 'such quotes write \\" for a quote'
    shown_from = start if start >= scene.start else None
    return _Told(scene.at, f"nothing after the closing {scene.text[start]}; within {within}", shown_from)


def _escape(scene: _Scene) -> _Told | None:
    if "parsing a quoted scalar" not in scene.said:
        return None
    index = max(scene.text.rfind("\\", scene.since, scene.at + 1), scene.since)
    return _Told(index, "\\\\ for a backslash within double quotes, or single quotes round the text")


_STARTS = ("cannot start any token", "scanning an alias", "scanning an anchor", "a tag", "expected node content")


def _bad_start(scene: _Scene) -> _Told | None:
    """A plain text that begins with a character that YAML keeps for itself."""
    if "block scalar" in scene.said and "comment or line break" in scene.said:
        sign = scene.text[scene.since]
        return _Told(scene.since, f"quotes round a text that begins with `{sign}`, or a line break after it")
    index = scene.since if "scanning an a" in scene.said or "a tag" in scene.said else scene.at
    sign = scene.text[index : index + 1]
    if sign == "%" and scene.text[index - 1] == "{":  # `{% include %}`, of a template
        index, sign = index - 1, "{"
    if any(part in scene.said for part in _STARTS) and sign and sign in "@`%*&!,]}{":
        return _Told(index, quotes_round(sign))
    if "directive" in scene.said:
        return _Told(scene.since, quotes_round("%"))
    if "block sequence entries are not allowed" in scene.said:
        return _Told(scene.at, "quotes round a text that begins with `- `, or its list from the next line on")
    return _Told(scene.at, quotes_round("? ")) if "mapping keys are not allowed" in scene.said else None


def quotes_round(sign: str) -> str:
    """Return what to do about a plain text that begins with what YAML keeps for itself."""
    return "quotes round a text that begins with " + ("a backtick" if sign == "`" else f"`{sign}`")


def _bracket(scene: _Scene) -> _Told | None:
    """A text that begins with a bracket is a list or mapping to YAML, and ends where the bracket does."""
    before = scene.before.rstrip(" ")
    value = _VALUE.match(before, 0, _MAX_START)
    start = value.end() if value else 0
    is_bracket = before[start : start + 1] in ("[", "{") and before[-1:] in ("]", "}") and scene.char not in "\n"
    return _Told(scene.start + start, quotes_round(before[start])) if is_bracket and "flow" not in scene.said else None


def _flow(scene: _Scene) -> _Told | None:
    """A bracket that is not closed, or a comma that is missing within."""
    sign = scene.text[scene.since : scene.since + 1]
    if "flow" not in scene.said or sign not in ("[", "{"):
        return None
    closing = "]" if sign == "[" else "}"
    is_root = scene.since == line_bounds(scene.text, scene.since)[0]
    has_next_field = not is_root and _KEY_AGAIN.search(scene.text, scene.since, line_bounds(scene.text, scene.at)[1])
    if not has_next_field and scene.char not in ("", "\n", "]", "}"):
        return _Told(scene.at, f"a comma before it, or `{closing}` at the end of what `{sign}` opens")
    return _Told(scene.since, f"a closing `{closing}`, or quotes round a text that begins with `{sign}`")


def _colon_in_text(scene: _Scene) -> _Told | None:
    """A plain text that holds a colon and a blank is a key to YAML: `title: Live: the vote`."""
    if "mapping values are not allowed" not in scene.said:
        return None
    before = scene.before
    value = _VALUE.match(before, 0, _MAX_START)
    if value is None or ":" not in value.group() or not before[value.end() :].strip():
        return None
    if before[value.end()] in _QUOTES:
        return _Told(scene.at, "nothing after the closing quote: put the whole text into quotes")
    start = scene.start + value.end()
    straight = "straight " if before[value.end()] in "\u201c\u201d\u201e\u2018\u2019\u00ab" else ""
    return _Told(scene.at, f"{straight}quotes round a text that holds `: `", start)


def _no_colon(scene: _Scene) -> _Told | None:
    """A line above, or this one, is no `key: value`, so the next line goes on with it or it cannot be a key."""
    is_this = "could not find expected ':'" in scene.said
    if not is_this and "mapping values are not allowed" not in scene.said:
        return None
    if len(scene.before) > _MAX_KEY:
        return _Told(scene.start, f"a key of at most {_MAX_KEY} characters")
    start, _ = line_bounds(scene.text, scene.since if is_this else _text_before(scene))
    line = scene.line(start)
    match = _NO_SPACE.match(line)
    if match is not None:
        return _Told(start + match.end(1), "a blank after the colon")
    first = start + len(line) - len(line.lstrip())
    if re.match(r" *-[^\s-]", line):
        return _Told(first, "a blank after the dash")
    if KEY_LINE.match(line):
        return None
    above = scene.line(start - 1).rstrip() if start else ""
    if re.search(r": +[|>][-+0-9]*$", above):
        return _Told(first, "the text of a block indented more than its key")
    return _Told(first, "`key: value`; a text that goes on from the line above is indented or quoted")


def _indentation(scene: _Scene) -> _Told | None:
    """The first character of a line stands where nothing can begin."""
    line = scene.line(scene.at)
    first = scene.start + len(line) - len(line.lstrip(" "))
    if "mapping values are not allowed" in scene.said:
        return _Told(first, "the indentation of the key above, or quotes round a text that holds `: `")
    if scene.at != first:
        return None
    if scene.char == ":":
        return _Told(first, "a key before the colon")
    if "'-' indicator" in scene.said and scene.char != "-":
        return _Told(first, "`- ` as before the other items, or the indentation of the list's key")
    if "expected key" in scene.said and re.match("-( |$)", line.lstrip(" ")):
        return _Told(first, "`key: value` as in the lines above, not a list item")
    return _Told(first, "the indentation of the lines beside it") if "did not find expected" in scene.said else None


def _document_end(scene: _Scene) -> _Told | None:
    if "<document start>" not in scene.said:
        return None
    above = _text_before(scene)
    line = scene.line(above)
    if line.startswith("..."):
        return _Told(above, "no `...` line before the closing `---`")
    body = re.match(r"[^\n]*\n+((?:[ \t]*(?:#[^\n]*)?\n+)*)( +)(?=[^ #\n])", scene.text)
    if body is not None:
        return _Told(body.end(2), "no indentation before the first key")
    return _Told(scene.at, "a colon and a blank after the key") if scene.before.strip() else None


_Explain = Callable[[_Scene], _Told | None]
_EXPLAIN: tuple[_Explain, ...] = (
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
