"""Entries: what one mention says, whoever says it.

The same related article stands in many documents letter for letter, so what a mention says is kept once, under the
digest of its canonical form, and a mention is only (document, position, entry). Canonical is JSON with sorted keys of
the parsed strings: mappings compare without order, and a plain null differs from the text "null". The ciphertext
`secured` is no part of it, for the source encrypts anew what has not changed.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from operator import attrgetter, itemgetter
from typing import Any

import orjson
import pyarrow as pa
from pydantic import BaseModel

from flows.reading.identify import URL_FIELDS, URLS_OF
from flows.reading.problems import Path, field_path
from flows.reading.tree import Tree
from schemas.batches import ENTRIES, key_of_digest, table_of_columns
from schemas.documents import Image, Mention
from schemas.text import flaw
from schemas.urls import UrlFacts

SECRET = "secured"
# Fields that one mention may report as new; all of them are kept with its entry.
_MAX_DRIFT = 100


@dataclass(slots=True, eq=False)
class Entry:
    """One entry: its key, the SHA-256 of its canonical form, and what it says.

    values: the other columns, in the order of schemas.batches.ENTRIES; drift: the fields that no model knows.
    Compared by identity: one object stands for one block, and a batch holds tens of thousands of references to it.
    """

    entry_id: int
    digest: bytes
    values: tuple[Any, ...]
    urls: tuple[UrlFacts, ...]
    drift: tuple[str, ...]


def canonical_digest(tree: Tree) -> bytes:
    """Return the SHA-256 of the canonical form of a parsed string tree."""
    return sha256(orjson.dumps(tree, option=orjson.OPT_SORT_KEYS)).digest()


def make_entry(digest: bytes, mention: Mention, urls: tuple[UrlFacts, ...], dropped: Collection[Path] = ()) -> Entry:
    """Return the entry of a valid mention; dropped: paths of URLs that are none, which become NULL."""
    spellings: Sequence[str | None] = URLS_OF(mention)
    if dropped:
        pairs = zip(URL_FIELDS, spellings, strict=True)
        spellings = [None if (alias,) in dropped else url for (_, alias), url in pairs]
    # By their paths, for the order of the fields of a mapping is no part of what it says.
    unknown = dict(sorted(_unknown(mention), key=_order)) if _has_unknown(mention) else {}
    values = (*_columns(mention, dropped), *spellings, *_flaws(mention), _as_json(unknown))
    drift = tuple(dict.fromkeys(_general(path) for path in islice(unknown, _MAX_DRIFT))) if unknown else ()
    return Entry(key_of_digest(digest), digest, values, urls, drift)


_PLAIN_COLUMNS = attrgetter(
    "title",
    "excerpt",
    "category",
    "content_type",
    "locale",
    "featured_content",
    "published_at",
    "updated_at",
    "quality",
    "heat",
    "is_published",
    "is_removed",
)


def _columns(mention: Mention, dropped: Collection[Path]) -> tuple[Any, ...]:
    """Return the columns from title to images, in the order of the schema."""
    provider = mention.provider
    logos = _images(provider.images, ("provider", "images"), dropped) if provider else []
    return (
        *_PLAIN_COLUMNS(mention),
        provider.domain if provider else None,
        provider.name if provider else None,
        logos[0]["url"] if logos else None,
        _texts(provider.authors) if provider else [],
        logos,
        _texts(mention.topics),
        _images(mention.images, ("images",), dropped),
    )


def _texts(texts: list[str | None] | None) -> list[str]:
    return [text for text in texts if text] if texts else []


def _images(images: list[Image | None] | None, path: Path, dropped: Collection[Path]) -> list[dict[str, Any]]:
    """Return the images that have a URL: one without cannot be shown, nor told from another."""
    if not images:
        return []
    return [
        {
            "url": image.url,
            "width": image.width,
            "height": image.height,
            "is_cached": image.is_cached,
            "title": image.title,
            "attribution": image.attribution,
        }
        for place, image in enumerate(images)
        if image is not None and image.url and (*path, place, "url") not in dropped
    ]


def _flaws(mention: Mention) -> tuple[int, int, int]:
    return flaw(mention.title), flaw(mention.excerpt), flaw(mention.provider.name if mention.provider else None)


def _order(found: tuple[Path, Any]) -> str:
    return field_path(found[0])


def _has_unknown(mention: Mention) -> bool:
    """Tell at little cost, as nearly no mention has such fields, whether a model of it could hold any."""
    provider = mention.provider
    images = [*(mention.images or ()), *((provider.images if provider else None) or ())]
    return any([model.__pydantic_extra__ for model in (mention, provider, *images) if model is not None])


def _unknown(mention: Mention) -> Iterator[tuple[Path, Any]]:
    """Yield path and value of every field that no model knows, at every level; never the secret."""
    yield from _extra(mention, ())
    yield from _image_extras(mention.images, ("images",))
    if mention.provider is not None:
        yield from _extra(mention.provider, ("provider",))
        yield from _image_extras(mention.provider.images, ("provider", "images"))


def _image_extras(images: list[Image | None] | None, path: Path) -> Iterator[tuple[Path, Any]]:
    for place, image in enumerate(images or ()):
        if image is not None and image.model_extra:
            yield from _extra(image, (*path, place))


def _extra(model: BaseModel, path: Path) -> Iterator[tuple[Path, Any]]:
    for key, value in (model.model_extra or {}).items():
        if key != SECRET:
            yield (*path, key), _without_secret(value)


def _without_secret(tree: Tree) -> Tree:
    if isinstance(tree, dict):
        return {key: _without_secret(value) for key, value in tree.items() if key != SECRET}
    return [_without_secret(item) for item in tree] if isinstance(tree, list) else tree


def _general(path: Path) -> str:
    """Return a path with its places in lists left out: `images[].foo`."""
    text = ""
    for step in path:
        text += "[]" if isinstance(step, int) else f"{'.' if text else ''}{field_path((step,))}"
    return text


def _as_json(unknown: Mapping[Path, Any]) -> str | None:
    if not unknown:
        return None
    return json.dumps({field_path(path): value for path, value in unknown.items()}, sort_keys=True, ensure_ascii=False)


def entry_table(entries: Collection[Entry]) -> pa.Table:
    """Return entries as a table, one row each (schemas/batches.py: ENTRIES)."""
    values = [entry.values for entry in entries]
    keys: list[list[Any]] = [[entry.entry_id for entry in entries], [entry.digest for entry in entries]]
    # A column at a time: zip(*rows) makes an iterator a row, and wakes the garbage collector with them.
    columns = [list(map(itemgetter(place), values)) for place in range(len(ENTRIES) - len(keys))]
    return table_of_columns([*keys, *columns], ENTRIES)
