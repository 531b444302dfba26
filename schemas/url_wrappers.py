"""Opens what wraps the address of a page: AMP caches, redirectors, the forms of a video's address.

A wrapper is recognised by its canonical parts, and what it holds is read from the start. This keeps a key stable: what
the rules make of a wrapper is again recognised as one. Only wrappers on known hosts are opened. `?url=` and `?next=` of
other hosts name another page (a translation, a login), so they are never followed.

Wrappers are opened seven deep. What is wrapped deeper is no URL, since a half-opened one would have no stable key.
"""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from schemas.url_rules import NotAUrl, Parts, canonical, joined
from schemas.url_text import Note

MAX_UNWRAPS = 7

_WRAPPER_HOSTS = ("ampproject.org", "bing-amp.com", "facebook.com", "youtube.com", "youtube-nocookie.com", "youtu.be")
_AMP_CACHES = ("cdn.ampproject.org", "bing-amp.com")
_BELOW_AMP_CACHES = tuple(f".{host}" for host in _AMP_CACHES)
_AMP_CACHE_PATH = re.compile(r"/[cv]/(s/)?([^/].*)", re.DOTALL)
_GOOGLE = re.compile(r"google\.(?:com?\.)?[a-z]{2}|google\.com")
_GOOGLE_AMP_PATH = re.compile(r"/amp/(s/)?([^/].*)", re.DOTALL)
_FACEBOOK_LINKS = frozenset({"l.facebook.com", "lm.facebook.com"})
_ASCII_ESCAPE = re.compile(r"%([0-7][0-9A-Fa-f])")

_YOUTUBE = frozenset({"youtube.com", "m.youtube.com", "music.youtube.com", "youtube-nocookie.com"})
_YOUTUBE_PATH = re.compile(r"/(?:embed|shorts|live|v|e)/([A-Za-z0-9_-]+)")
_YOUTUBE_SHORT = re.compile(r"/([A-Za-z0-9_-]+)")
_YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]+")
_YOUTUBE_PLAYERS = frozenset({"videoseries", "live_stream"})


class _Opened(NamedTuple):
    """What a wrapper of this name holds: the text and its parts."""

    name: str
    target: str
    parts: Parts


def unwrap(text: str, note: Note | None = None) -> Parts:
    """Return the canonical parts of the innermost page that a text names. Raises NotAUrl with the reason."""
    parts = canonical(text.strip(), note, from_amp=False)
    if not may_wrap(parts.site):
        return parts
    for _ in range(MAX_UNWRAPS + 1):
        opened = None if parts.port else _open(parts)
        if opened is None:
            return _youtube(parts, note)
        if note:
            note(f"unwrapped {opened.name}")
            canonical(opened.target, note, from_amp=False)
        parts = opened.parts
    raise NotAUrl(f"it is wrapped in more than {MAX_UNWRAPS} caches or redirectors")


def may_wrap(site: str) -> bool:
    """Tell whether a host, without `www.`, may have addresses that wrap others."""
    return site.endswith(_WRAPPER_HOSTS) or "google." in site


def is_amp_cache(site: str) -> bool:
    """Tell whether a host, without `www.`, is an AMP cache."""
    return site.endswith(_BELOW_AMP_CACHES) or site in _AMP_CACHES


def in_amp_cache(path: str) -> str:
    """Return the address of the page that an AMP cache has at a path, without a query; empty if there is none."""
    found = _AMP_CACHE_PATH.fullmatch(path)
    return "" if found is None else _page_of(found)


def _page_of(found: re.Match[str]) -> str:
    return f"{'https' if found[1] else 'http'}://{found[2]}"


def _open(parts: Parts) -> _Opened | None:
    """Return what is inside a wrapper, or None if the parts are no wrapper or hold no URL."""
    site = parts.site
    if is_amp_cache(site):
        return _inside("the AMP cache", _in_path(_AMP_CACHE_PATH, parts), from_amp=True)
    if site in _FACEBOOK_LINKS and parts.path.rstrip("/") == "/l.php":
        return _inside("the Facebook redirect", _in_query(("u",), parts.params), from_amp=parts.from_amp)
    if not _GOOGLE.fullmatch(site):
        return None
    if parts.path.rstrip("/") == "/url":
        return _inside("the Google redirect", _in_query(("url", "q"), parts.params), from_amp=parts.from_amp)
    return _inside("the Google AMP viewer", _in_path(_GOOGLE_AMP_PATH, parts), from_amp=True)


def _inside(name: str, targets: Iterable[str], *, from_amp: bool) -> _Opened | None:
    for target in targets:
        try:
            return _Opened(name, target, canonical(target, None, from_amp=from_amp))
        except NotAUrl:
            continue
    return None


def _in_path(pattern: re.Pattern[str], parts: Parts) -> Iterator[str]:
    found = pattern.fullmatch(parts.path)
    if found is not None:
        yield joined(_page_of(found), "", "", parts.params, parts.route)


def _in_query(names: tuple[str, ...], params: tuple[str, ...]) -> Iterator[str]:
    """Yield the value of the first parameter of each name.

    Only ASCII escapes are decoded. Other escaped bytes mean the same inside the target, and those that are not UTF-8
    would be lost in a text.
    """
    for name in names:
        values = [param[len(name) + 1 :] for param in params if param.startswith(f"{name}=")]
        for value in values[:1]:
            yield _ASCII_ESCAPE.sub(lambda found: chr(int(found[1], 16)), value).strip()


def _youtube(parts: Parts, note: Note | None) -> Parts:
    video = None if parts.port else _video(parts)
    if video is None:
        return parts
    page = Parts(parts.scheme, "www.youtube.com", "youtube.com", "", "/watch", (f"v={video}",), "", parts.from_amp)
    if note and parts[2:7] != page[2:7]:
        note(f"wrote the YouTube video as watch?v={video}")
    return page


def _video(parts: Parts) -> str | None:
    path = parts.path.rstrip("/")
    if parts.site == "youtu.be":
        found = _YOUTUBE_SHORT.fullmatch(path)
        return found[1] if found and path != "/watch" else _watch(path, parts.params)
    if parts.site not in _YOUTUBE:
        return None
    found = _YOUTUBE_PATH.fullmatch(path)
    if found:
        return None if found[1] in _YOUTUBE_PLAYERS else found[1]
    return _watch(path, parts.params)


def _watch(path: str, params: tuple[str, ...]) -> str | None:
    values = [piece[2:] for piece in params if piece.startswith("v=")]
    if path == "/watch" and len(values) == 1 and _YOUTUBE_ID.fullmatch(values[0]):
        return values[0]
    return None
