"""What a person probably meant: a key written nearly right, a text lost to a comment, a field inside an open quote.

Hints never change what a document means. They make the error of a missing value point at what stands there instead,
and become notices where nothing is missing but a value is not read.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from pydantic import BaseModel

from flows.reading.cuts import Cut
from flows.reading.problems import Path
from flows.reading.syntax import INVISIBLE, shown_at
from flows.reading.tree import Places, Tree, place_of, value_at
from schemas.ciphertext import is_secret_name
from schemas.documents import Image, Mention, Provider
from schemas.text import printable

RELATED = "related"
_MAX_KEY = 60
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
# The identity of a mention may stand under either.
_INSTEAD = {"webUrl": ("webUrl", "originalUrl")}


class Source(NamedTuple):
    """A document that was read: its values, where they stand, its text, and what was cut off."""

    tree: Tree
    places: Places
    text: str
    cuts: Sequence[Cut] = ()


class Hint(NamedTuple):
    """Where a person should look, what would be right there, and what stands there now."""

    at: int
    expected: str
    found: str | None


def plain_form(key: str) -> str:
    """Return a key's letters and digits in lower case: case, `_` and hidden characters make no difference to it."""
    return _plain_form(key[:_MAX_KEY])


@lru_cache(maxsize=4_096)
def _plain_form(key: str) -> str:
    folded = unicodedata.normalize("NFKC", key).casefold()
    return "".join(c for c in folded if c.isascii() and c.isalnum())


class _Names(NamedTuple):
    """The keys that a model reads: as they are, and by their plain forms."""

    exact: frozenset[str]
    by_form: Mapping[str, str]


def _names(model: type[BaseModel], *more: str) -> _Names:
    names = [*(field.alias or name for name, field in model.model_fields.items()), *more]
    return _Names(frozenset(names), {plain_form(name): name for name in names})


_OF_MENTION, _OF_PROVIDER, _OF_IMAGE = _names(Mention, RELATED), _names(Provider), _names(Image)


def odd_keys(tree: Mapping[str, Tree]) -> Iterator[tuple[Path, str]]:
    """Yield the keys of a mention that are nearly those of a field that is not there, with what would be right."""
    yield from _odd_keys(tree, (), _OF_MENTION)
    yield from _odd_in_images(tree.get("images"), ("images",))
    provider = tree.get("provider")
    if isinstance(provider, dict):
        yield from _odd_keys(provider, ("provider",), _OF_PROVIDER)
        yield from _odd_in_images(provider.get("images"), ("provider", "images"))


def _odd_in_images(images: Tree, path: Path) -> Iterator[tuple[Path, str]]:
    for place, image in enumerate(images if isinstance(images, list) else ()):
        if isinstance(image, dict):
            yield from _odd_keys(image, (*path, place), _OF_IMAGE)


def _odd_keys(tree: Mapping[str, Tree], path: Path, names: _Names) -> Iterator[tuple[Path, str]]:
    for key in sorted(tree.keys() - names.exact):
        right = names.by_form.get(plain_form(key))
        if right is not None and right not in tree:
            yield (*path, key), f"the key `{right}`"
        elif right is None and not is_secret_name(key) and (hidden := _INVISIBLE.search(key)) is not None:
            yield (*path, key), f"a key without the invisible character U+{ord(hidden.group()):04X}"


def place_of_key(source: Source, path: Path) -> int:
    """Return where the key of a value stands, or the value itself where the key is not found as it is."""
    value, above = place_of(source.places, path), place_of(source.places, path[:-1])
    index = source.text.rfind(str(path[-1]), above, value)
    if index < 0:
        return value
    return index - 1 if source.text[index - 1] in "\"'" else index


def mend_missing(source: Source, path: Path, expected: str) -> Hint | None:
    """Return what stands in the place of a required value that is missing, if anything does."""
    cut = next((cut for cut in source.cuts if cut.path == path), None)
    if cut is not None:
        found = shown_at(source.text, cut.at, path)
        return Hint(cut.at, f"{expected}, in quotes where it begins with `#`: to YAML that is a comment", found)
    mapping = value_at(source.tree, path[:-1])
    if not isinstance(mapping, dict):
        return None
    return _misspelt(source, mapping, path, expected) or _swallowed(source, mapping, path, expected)


def _misspelt(source: Source, mapping: Mapping[str, Tree], path: Path, expected: str) -> Hint | None:
    wanted = {plain_form(name): name for name in _INSTEAD.get(str(path[-1]), (str(path[-1]),))}
    key = next((key for key in mapping if plain_form(key) in wanted and key not in wanted.values()), None)
    if key is None:
        return None
    shown = printable(key[:_MAX_KEY])
    told = f"{expected}: did you mean `{wanted[plain_form(key)]}`? it is written `{shown}` here"
    return Hint(place_of_key(source, (*path[:-1], key)), told, shown)


def _swallowed(source: Source, mapping: Mapping[str, Tree], path: Path, expected: str) -> Hint | None:
    """Find a quoted value of the same mapping that holds the line of the missing one: its quote was not closed."""
    line = re.compile(rf"[\r\n][ \t-]*{re.escape(str(path[-1]))}[ \t]*:")
    starts = sorted(place_of(source.places, (*path[:-1], key)) for key in mapping)
    for start, end in pairwise([*starts, len(source.text)]):
        quote = source.text[start : start + 1]
        if quote in ('"', "'") and line.search(source.text, start, _closing(source.text, start, end)) is not None:
            told = f"{expected}: it stands within the quotes that open here; a closing {quote} in this line"
            return Hint(start, told, shown_at(source.text, start, path))
    return None


def _closing(text: str, start: int, end: int) -> int:
    """Return where the quote that opens at a place closes, as near as that matters: before the next value."""
    return max(text.rfind(text[start], start, end), start)
