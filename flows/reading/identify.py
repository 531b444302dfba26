"""Which URL a mention is known by, and what each URL is.

The policy itself is schemas/urls.py. Here it meets the mention: the identifying URL is webUrl, else, where there is no
webUrl at all, originalUrl (DESIGN section 5). One that is no URL condemns its mention; any other bad URL is set aside
alone and its column is NULL. Image URLs are no identities: they are only checked to be http(s) with a dot in the host.
"""

import re
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import NamedTuple

import pyarrow as pa

from flows.reading.problems import Path
from schemas.batches import URLS, table_of_rows
from schemas.documents import Image, Mention
from schemas.urls import UrlFacts, facts

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


def url_table(urls: Iterable[UrlFacts]) -> pa.Table:
    """Return the facts of each distinct URL, one row each (schemas/batches.py: URLS)."""
    return table_of_rows(list({url.url_raw: url for url in urls}.values()), URLS)
