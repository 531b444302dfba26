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
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple

import orjson
from pydantic import BaseModel

from flows.reading.problems import Path, Tree, field_path
from schemas.batches import key_of_digest
from schemas.documents import Image, Mention
from schemas.urls import UrlFacts, facts

SECRET = "secured"
EXPECTED_URL = "an http or https URL with a dot in its host"
URL_FIELDS = ("web_url", "original_url", "amp_url", "amp_cache_url")
# Fields that one mention may report as new; all of them are kept with its entry.
_MAX_DRIFT = 100
_MAX_URL_BYTES = 65_536
_WEB = re.compile(r"https?://[^/?#\s]*[^/?#\s.]\.[^/?#\s]", re.IGNORECASE)


@dataclass(slots=True, eq=False)
class Entry:
    """One entry: its key, the SHA-256 of its canonical form, and what it says.

    said: JSON of the fields that models know, all values as text; of a proved entry in the one form that
    flows/reading/columns.py reads. urls: None until it is proved. unknown: the fields that no model knows, as JSON;
    drift: their paths. Compared by identity: one object stands for one block, and a batch holds tens of thousands of
    references to it.
    """

    entry_id: int
    digest: bytes
    said: bytes
    urls: tuple[UrlFacts, ...] | None = None
    unknown: str | None = None
    drift: tuple[str, ...] = ()
    is_flawed: bool = False


class ValueFlaw(NamedTuple):
    """A bad value under a path of its mention. A fatal one costs the mention, another only itself, a notice nothing."""

    path: Path
    is_fatal: bool
    reason: str
    expected: str
    is_notice: bool = False


def canonical_form(tree: Tree) -> bytes:
    """Return the canonical form of a parsed string tree."""
    return orjson.dumps(tree, option=orjson.OPT_SORT_KEYS)


def entry_of(canonical: bytes) -> Entry:
    """Return the entry of a mention that has yet to be proved."""
    digest = sha256(canonical).digest()
    return Entry(key_of_digest(digest), digest, canonical)


def describe(entry: Entry, mention: Mention, urls: tuple[UrlFacts, ...], dropped: Collection[Path] = ()) -> None:
    """Let an entry say what a valid mention says; dropped: paths of URLs that are none, which become NULL."""
    entry.said, entry.urls = orjson.dumps(_known(mention, (), dropped)), urls
    unknown = {field_path(path): (path, value) for path, value in unknown_fields(mention, ())}
    if unknown:
        values = {name: value for name, (_, value) in unknown.items()}
        # Sorted, for the order of the fields of a mapping is no part of what it says.
        entry.unknown = json.dumps(values, sort_keys=True, ensure_ascii=False)
        entry.drift = tuple(dict.fromkeys(_general(unknown[name][0]) for name in sorted(unknown)[:_MAX_DRIFT]))


def _known(value: Any, path: Path, dropped: Collection[Path]) -> Any:
    """Return what models know of a value, each leaf as a text, without nulls and without images that have no URL."""
    if isinstance(value, BaseModel):
        found = ((field.alias or name, getattr(value, name)) for name, field in type(value).model_fields.items())
        known = ((alias, _known(inner, (*path, alias), dropped)) for alias, inner in found)
        return {alias: inner for alias, inner in known if inner is not None and (*path, alias) not in dropped}
    if isinstance(value, list):
        items = (_known(item, (*path, place), dropped) for place, item in enumerate(value) if item is not None)
        return [item for item in items if not isinstance(item, dict) or "url" in item]
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds") + "Z"
    return str(value).lower() if isinstance(value, bool) else None if value is None else str(value)


def examine(mention: Mention) -> tuple[list[ValueFlaw], tuple[UrlFacts, ...]]:
    """Return what is wrong with the URLs of a mention (empty for a good one), and the facts of the good ones."""
    known: dict[str, UrlFacts | None] = {}
    flaws: list[ValueFlaw] = []
    identity = "original_url" if mention.web_url is None else "web_url"
    for name in URL_FIELDS:
        url = getattr(mention, name)
        if url is not None and url not in known:
            known[url] = facts(url)
        if url is not None and known[url] is None:
            path = (Mention.model_fields[name].alias or name,)
            flaws.append(ValueFlaw(path, name == identity, "not_a_url", EXPECTED_URL))
    if mention.web_url is None and mention.original_url is None:
        flaws.append(ValueFlaw(("webUrl",), True, "missing", "a webUrl or originalUrl"))
    flaws += _image_flaws(("images",), mention.images)
    if mention.provider is not None:
        flaws += _image_flaws(("provider", "images"), mention.provider.images)
    return flaws, tuple([good for good in known.values() if good is not None])


def _image_flaws(path: Path, images: list[Image | None] | None) -> Sequence[ValueFlaw]:
    return [
        ValueFlaw((*path, place, "url"), False, "not_a_url", EXPECTED_URL)
        for place, image in enumerate(images or ())
        if image is not None and image.url is not None and not is_web_url(image.url)
    ]


def is_web_url(url: str) -> bool:
    """Tell whether a text looks like an http(s) URL with a dot in its host, of at most 64 KiB."""
    return _WEB.match(url) is not None and len(url) <= _MAX_URL_BYTES


def unknown_fields(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    """Yield path and value of every field that no model knows, at every level; never the secret."""
    if isinstance(value, BaseModel):
        for key, extra in (value.model_extra or {}).items():
            if key != SECRET:
                yield (*path, key), _without_secret(extra)
        for name, field in type(value).model_fields.items():
            yield from unknown_fields(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, list):
        for place, item in enumerate(value):
            yield from unknown_fields(item, (*path, place))


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
