"""Entries: what one mention says, whoever says it, and which URLs it is known by.

The same related article stands in many documents letter for letter, so what a mention says is kept once, under the
digest of its canonical form, and a mention is only (document, position, entry). Canonical is JSON with sorted keys of
the parsed strings: mappings compare without order, and a plain null differs from the text "null". The ciphertext
`secured` is no part of it, for the source encrypts anew what has not changed.

The URL policy is schemas/urls.py. A mention is identified by its webUrl or, where there is no webUrl at all, by its
originalUrl. An identifying URL that is no URL condemns its mention; any other bad URL is set aside alone and its column
is NULL. Image URLs are no identities: they are only checked to be http(s) with a dot in the host.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel

from flows.reading.problems import Path, Tree, field_path
from schemas.documents import Image, Mention
from schemas.keys import key_of_digest
from schemas.text import flaw
from schemas.urls import UrlFacts, facts

SECRET = "secured"
# Fields that one mention may report as new; all of them are kept with its entry.
_MAX_DRIFT = 100
EXPECTED_URL = "an http or https URL with a dot in its host"
URL_FIELDS = (
    ("web_url", "webUrl"),
    ("original_url", "originalUrl"),
    ("amp_url", "ampWebUrl"),
    ("amp_cache_url", "cdnAmpWebUrl"),
)
URLS_OF = attrgetter(*(name for name, _ in URL_FIELDS))
"""Takes the four URLs of a mention, in the order of URL_FIELDS."""
_MAX_URL_BYTES = 65_536
_WEB = re.compile(r"https?://[^/?#\s]*[^/?#\s.]\.[^/?#\s]", re.IGNORECASE)


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


class UrlFlaw(NamedTuple):
    """A URL that is none, or the lack of one. Fatal: the mention has no identity without it."""

    path: Path
    is_fatal: bool
    reason: str
    expected: str


def examine(mention: Mention) -> tuple[list[UrlFlaw], tuple[UrlFacts, ...]]:
    """Return what is wrong with the URLs of a mention (empty for a good one), and the facts of the good ones."""
    urls = URLS_OF(mention)
    known: dict[str, UrlFacts | None] = {}
    flaws: list[UrlFlaw] = []
    identity = "originalUrl" if mention.web_url is None else "webUrl"
    for (_, alias), url in zip(URL_FIELDS, urls, strict=True):
        if url is not None and url not in known:
            known[url] = facts(url)
        if url is not None and known[url] is None:
            flaws.append(UrlFlaw((alias,), alias == identity, "not_a_url", EXPECTED_URL))
    if mention.web_url is None and mention.original_url is None:
        flaws.append(UrlFlaw(("webUrl",), True, "missing", "a webUrl or originalUrl"))
    flaws += _image_flaws(("images",), mention.images)
    if mention.provider is not None:
        flaws += _image_flaws(("provider", "images"), mention.provider.images)
    return flaws, tuple([good for good in known.values() if good is not None])


def _image_flaws(path: Path, images: list[Image | None] | None) -> Sequence[UrlFlaw]:
    if not images:
        return ()
    return [
        UrlFlaw((*path, place, "url"), False, "not_a_url", EXPECTED_URL)
        for place, image in enumerate(images)
        if image is not None and image.url is not None and not is_web_url(image.url)
    ]


def is_web_url(url: str) -> bool:
    """Tell whether a text looks like an http(s) URL with a dot in its host, of at most 64 KiB."""
    return _WEB.match(url) is not None and len(url) <= _MAX_URL_BYTES


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
