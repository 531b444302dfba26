"""The URL policy: which spellings are one page, decided from the text alone.

One set of rules (schemas/url_rules.py, schemas/url_wrappers.py) makes the key, the facts and the explanation. The key
is strict: it merges only what is one page by a standard or by an exact list. The looser reading (`loose_key`) only
proposes pairs to a reader. One loose key with exceptions was rejected: a false merge loses an article, and exceptions
are found too late.

The key is text: host (punycode, without `www.`), port unless 80 or 443, path without its last slash, `?` and the
parameters sorted by name, `#` and the route. `"https://" + key` is a URL with the same key.
"""

from typing import NamedTuple

from schemas.url_forms import is_amp_form, is_amp_path, is_front, is_front_path, loose_form, loose_path, site_of
from schemas.url_params import param_name
from schemas.url_rules import MAX_BYTES, NotAUrl, Parts, joined, plain_pieces
from schemas.url_text import Note, noted
from schemas.url_wrappers import in_amp_cache, unwrap

POLICY_VERSION = 2
"""Raise it with every change that can change a key. Keys are stored with the version that made them."""


class UrlFacts(NamedTuple):
    """What one spelling of a URL says by itself: one per distinct url_raw."""

    url_raw: str
    url_key: str
    loose_key: str
    registrable_domain: str
    is_front_page: bool
    is_amp: bool
    display_url: str


class Explanation(NamedTuple):
    """The rules that made a text's key, in order, or the reason why it is no URL."""

    url: str
    url_key: str | None
    rules: list[str]
    reason: str | None


def url_key(url: str) -> str | None:
    """Return the key of the page that a URL names, or None if the text is no http(s) URL.

    In: any text; white space and zero-width characters around it are ignored. Out: text that starts with the host.
    Raises nothing.
    """
    try:
        return _key(unwrap(url))
    except NotAUrl:
        return None


def facts(url: str) -> UrlFacts | None:
    """Return all that a URL's text says, or None if it is no http(s) URL. Raises nothing.

    Out: url_raw is the text without surrounding white space; the other fields describe the page inside an AMP cache or
    a redirector.
    """
    text = url.strip()
    return _page_facts(text, text) or _unwrapped_facts(text)


def _page_facts(text: str, page: str, *, from_amp: bool = False) -> UrlFacts | None:
    """Return the facts of a page in the commonest shape without a query, in an AMP cache or not; None for others.

    A property test checks that it agrees with `_unwrapped_facts`, which takes twice as long.
    """
    pieces = plain_pieces(page)
    if pieces is None or pieces[3]:
        return None
    scheme, host, path, _ = pieces
    site = site_of(host)
    if site.may_wrap:
        return None if from_amp or not site.is_amp_cache else _page_facts(text, in_amp_cache(path), from_amp=True)
    return UrlFacts(
        text,
        site.site + path.rstrip("/"),
        site.loose_host + loose_path(path),
        site.domain,
        is_front_path(path),
        from_amp or site.is_amp or is_amp_path(path),
        f"{scheme}://{host}{path}",
    )


def _unwrapped_facts(text: str) -> UrlFacts | None:
    """Return the facts of any text, from the parts of the page that it names."""
    try:
        parts = unwrap(text)
        key = _key(parts)
    except NotAUrl:
        return None
    domain = site_of(parts.host).domain
    display = _display(parts, key)
    return UrlFacts(text, key, loose_form(parts), domain, is_front(parts), is_amp_form(parts), display)


def explain(url: str) -> Explanation:
    """Return the key of a URL with each rule that applied, in order, or the reason why it has none."""
    rules: list[str] = []
    try:
        key = _key(unwrap(url, rules.append), rules.append)
    except NotAUrl as error:
        return Explanation(url, None, rules, str(error))
    return Explanation(url, key, rules, None)


def _key(parts: Parts, note: Note | None = None) -> str:
    scheme, _, site, port, path, params, route, _ = parts
    ordered = params if len(params) < 2 else sorted(params, key=param_name)
    key = joined(site, port, path.rstrip("/"), ordered, route)
    if len(key) > MAX_BYTES - len("https://"):
        raise NotAUrl("it is longer than 64 KiB once its characters are escaped")
    if note:
        note(f"dropped the scheme {scheme}")
        noted(note, path, path.rstrip("/"), "dropped the trailing slash")
        noted(note, "&".join(params), "&".join(ordered), "sorted the parameters by name")
    return key


def _display(parts: Parts, key: str) -> str:
    scheme, host, _, port, path, params, route, _ = parts
    url = f"{scheme}://" + joined(host, port, path, params, route)
    return url if len(url) <= MAX_BYTES else "https://" + key
