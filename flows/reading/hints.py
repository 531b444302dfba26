"""What a person probably meant: a key written nearly right, a text lost to a comment, a field inside an open quote.

Hints never change what a document means. They make the error of a missing value point at what stands there instead,
and become notices where nothing is missing but a value is not read.

To YAML ` #` begins a comment and NEL, LS and PS end a line, so `title: Update #2` says "Update". That is YAML, and the
document is accepted as it reads. But text that a person wrote is gone, so they are told. A remark that is meant as one
(`heat: 5 # rated`, `category: blog # or "guide"`, `name: Gazette    # the paper`) is no reason for a notice:

| value | `#word` after it | one blank and `# words` | more blanks and `# words` |
|---|---|---|---|
| prose: a title, an excerpt, a name, a topic | told | told | a remark |
| a number, boolean or date in prose | told | a remark | a remark |
| no value: an excerpt | told | told | told |
| no value: any other text | told | a remark | a remark |
| a URL, a category | told | a remark | a remark |
| a code, number, boolean or date; a field that no model knows | a remark | a remark | a remark |

Tried on front matter of public repositories: most who write `#word` or one blank and a `#` in prose mean text, and who
comments on fields sets the `#` apart, or does so on codes, flags and dates.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from pydantic import BaseModel

from flows.reading.line_path import INVISIBLE, shown_at
from flows.reading.problems import Flaw, Path, Places, Tree, place_of, value_at
from schemas.ciphertext import is_secret_name
from schemas.documents import Image, Mention, Provider
from schemas.text import printable

RELATED = "related"
CUTTING = re.compile("[ \t]#|[\u0085\u2028\u2029]")
_CUT = re.compile("[ \t]*(?:(?<=[ \t])(#)|[\u0085\u2028\u2029]+(?=[^\r\n\u0085\u2028\u2029]*[^\\s]))")
_PROSE = frozenset(("title", "excerpt", "name", "topics", "authors", "attribution"))
_LABELS = frozenset(("category", "featuredContent", "url", "webUrl", "originalUrl", "ampWebUrl", "cdnAmpWebUrl"))
_NO_PROSE = re.compile(r"[-+]?[0-9][-+0-9.,:TZ ]*|true|false", re.IGNORECASE)
_MAX_KEY = 60
# How far a quote that was not closed is looked for: a document may have a thousand mappings before a text of megabytes.
_FARTHEST = 20_000
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
# The identity of a mention may stand under either.
_INSTEAD = {"webUrl": ("webUrl", "originalUrl")}


class Cut(NamedTuple):
    """What was cut off a plain value: the value's path, where the rest begins, and what is left of it."""

    path: Path
    at: int
    value: str


def cut_after(text: str, end: int) -> int | None:
    """Return where the comment or hidden line break begins that follows a scalar at its end; None for neither."""
    match = _CUT.match(text, end)
    if match is None:
        return None
    return match.end() - 1 if match[1] else match.end()


def deserves_notice(text: str, cut: Cut) -> bool:
    """Tell whether a cut may have cost a text, by the table above."""
    name = next((step for step in reversed(cut.path) if isinstance(step, str)), "")
    if name not in _PROSE and name not in _LABELS:
        return False
    is_hashtag = text[cut.at] != "#" or text[cut.at + 1 : cut.at + 2].strip("# \t\r\n") != ""
    if is_hashtag or name not in _PROSE:
        return is_hashtag
    if not cut.value:
        return name == "excerpt"
    is_set_apart = text[max(cut.at - 2, 0) : cut.at].isspace()
    return not is_set_apart and _NO_PROSE.fullmatch(cut.value) is None


def flaw_of_cut(text: str, cut: Cut) -> Flaw:
    """Return what a notice says about a cut."""
    found = shown_at(text, cut.at, cut.path)
    if text[cut.at] == "#":
        expected = "quotes round a text that holds ` #`: to YAML a comment begins there"
        return Flaw(cut.at, cut.path, "cut_by_comment", expected, found)
    hidden = text[: cut.at].rstrip("\u0085\u2028\u2029")
    expected = f"no invisible line break U+{ord(text[len(hidden)]):04X} in a text"
    return Flaw(cut.at, cut.path, "cut_by_line_break", expected, found)


class Source(NamedTuple):
    """Front matter that was read: its values, where they stand, its text with plain breaks, and what was cut off.

    flaws: all that is wrong with its YAML; where there is one, the tree is not to be used.
    """

    tree: Tree
    places: Places
    text: str
    cuts: Sequence[Cut] = ()
    flaws: Sequence[Flaw] = ()


def plain_form(key: str) -> str:
    """Return a key's letters and digits in lower case: case, `_` and hidden characters make no difference to it."""
    return _plain_form(key[:_MAX_KEY])


@lru_cache(maxsize=4_096)
def _plain_form(key: str) -> str:
    folded = unicodedata.normalize("NFKC", key).casefold()
    return "".join(c for c in folded if c.isascii() and c.isalnum())


def _names(model: type[BaseModel], *more: str) -> dict[str, str]:
    """Return the keys that a model reads, by their plain forms."""
    names = (*(field.alias or name for name, field in model.model_fields.items()), *more)
    return {plain_form(name): name for name in names}


_OF_MENTION = _names(Mention, RELATED)
# What a mapping or list of mappings in a mention is, by its key.
_OF = {"provider": _names(Provider), "images": _names(Image)}


def odd_keys(tree: Tree, unknown: Iterable[Path]) -> Iterator[tuple[Path, str]]:
    """Yield the keys that are nearly those of a field that is not there, with what would be right.

    In: a mention, and the paths in it that no model knows.
    """
    for path in unknown:
        key, above = str(path[-1]), path[:-1]
        within = next((step for step in reversed(above) if isinstance(step, str)), "")
        right = _OF.get(within, _OF_MENTION).get(plain_form(key))
        beside = value_at(tree, above)
        if right is not None and isinstance(beside, dict) and right not in beside:
            yield path, f"the key `{right}`"
        elif right is None and not is_secret_name(key) and (hidden := _INVISIBLE.search(key)) is not None:
            yield path, f"a key without the invisible character U+{ord(hidden.group()):04X}"


def place_of_key(source: Source, path: Path) -> int:
    """Return where the key of a value stands, or the value itself where the key is not found as it is."""
    value, above = place_of(source.places, path), place_of(source.places, path[:-1])
    index = source.text.rfind(str(path[-1]), above, value)
    if index < 0:
        return value
    return index - 1 if source.text[index - 1] in "\"'" else index


def mend_missing(source: Source, path: Path, expected: str) -> Flaw:
    """Return the flaw of a required value that is missing, at what stands in its place, if anything does."""
    cut = next((cut for cut in source.cuts if cut.path == path), None)
    if cut is not None:
        told = f"{expected}, in quotes where it begins with `#`: to YAML that is a comment"
        return Flaw(cut.at, path, "missing", told, shown_at(source.text, cut.at, path))
    mapping = value_at(source.tree, path[:-1])
    found = None
    if isinstance(mapping, dict):
        found = _misspelt(source, mapping, path, expected) or _swallowed(source, mapping, path, expected)
    return found or Flaw(place_of(source.places, path), path, "missing", expected)


def _misspelt(source: Source, mapping: Mapping[str, Tree], path: Path, expected: str) -> Flaw | None:
    wanted = {plain_form(name): name for name in _INSTEAD.get(str(path[-1]), (str(path[-1]),))}
    key = next((key for key in mapping if plain_form(key) in wanted and key not in wanted.values()), None)
    if key is None:
        return None
    shown = printable(key[:_MAX_KEY])
    told = f"{expected}: did you mean `{wanted[plain_form(key)]}`? it is written `{shown}` here"
    return Flaw(place_of_key(source, (*path[:-1], key)), path, "missing", told, shown)


def _swallowed(source: Source, mapping: Mapping[str, Tree], path: Path, expected: str) -> Flaw | None:
    """Find a quoted value of the same mapping that holds the line of the missing one: its quote was not closed."""
    line = re.compile(rf"[\r\n][ \t-]*{re.escape(str(path[-1]))}[ \t]*:")
    starts = sorted(place_of(source.places, (*path[:-1], key)) for key in mapping)
    for start, next_start in pairwise([*starts, len(source.text)]):
        end = min(next_start, start + _FARTHEST)
        quote = source.text[start : start + 1]
        # Where it closes does not matter nearer than that: before the next value.
        if quote in ('"', "'") and line.search(source.text, start, source.text.rfind(quote, start, end)) is not None:
            told = f"{expected}: it stands within the quotes that open here; a closing {quote} in this line"
            return Flaw(start, path, "missing", told, shown_at(source.text, start, path))
    return None
