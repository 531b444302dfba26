"""The rules that write the parts of a URL in one way each one function.

ada parses, by the WHATWG URL standard, as browsers do. Each rule reports what it did through `note`, so a key and its
explanation cannot drift apart. Rejected: urllib.parse, which is lenient in its own ways (it reads `http://a\\b` and
`https:/x` as no browser does), and the libraries that normalise for crawlers (courlan, url-normalize, w3lib), which
merge pages that are two and miss half of what is one.

A text in the commonest shape skips the parser, not the rules: ada would return it as it is, which a property test
checks. Only a text with a `;` can hold character references (schemas/url_text.py).

A text over 64 KiB is no URL, before or after escaping. This bounds the time, and a key can be read again.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from ada_url import normalize_url

from schemas.url_params import params_of
from schemas.url_text import Note, noted, strip, trim, trim_path, unescape

MAX_BYTES = 65_536
MAX_ESCAPES = 8
"""How often character references are read. What needs more is no URL, for half-read it has no stable key."""
# A text as short as this meets no limit of length.
_SHORT = 4_096


class NotAUrl(ValueError):
    """The text is no http(s) URL that could name an article. The error's text says why."""


class Parts(NamedTuple):
    """The canonical parts of one URL.

    site: the host without `www.`; params: in the order written; from_amp: an AMP cache, viewer or flag was taken off.
    """

    scheme: str
    host: str
    site: str
    port: str
    path: str
    params: tuple[str, ...]
    route: str
    from_amp: bool


# The commonest shape: a lower-case ASCII host that cannot be an IP address, and nothing that a rule would rewrite.
_PLAIN = re.compile(
    r"(https?)://((?:[a-z0-9-]+\.)+[a-z][a-z0-9-]*)(/[A-Za-z0-9._~!$&'()*+,=:@/-]*)?(?:\?([A-Za-z0-9._~=&-]*))?"
)
# The WHATWG serialisation: userinfo escapes `@`, so the first one ends it; a query holds no `#`.
_HREF = re.compile(
    r"(https?)://(?:[^/?#@]*@)?(\[[^\]]*\]|[^/?#:]*)(?::([0-9]+))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL
)
_RELATIVE = re.compile(r"[/\\][\t\n\r]*[/\\]")
_RAW_PORT = re.compile(r"[^/?#]*//[^/?#]*:(?:80|443)(?=[/?#]|$)")

# RFC 3986 section 2.3: an escaped unreserved character is the character itself. Section 2 does not allow the raw
# characters below in a path, query or fragment, so they are written as escapes. A `%` that starts no escape is data.
_UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
_ODD = re.compile(r"%(?:[0-9A-Fa-f]{2})?|[\"<>\\^`{|}\[\]#]")


_WWW = re.compile(r"(?:www2?\.)+")
_SESSION_PATH = re.compile(r";jsessionid(?:=[^/;]*)?(?=[/;]|$)", re.IGNORECASE)
_EMBEDDED = re.compile(r"/https?(?::|%3A)/", re.IGNORECASE)
_SLASHES = re.compile(r"/{2,}")


def canonical(text: str, note: Note | None, *, from_amp: bool) -> Parts:
    """Return the canonical parts of a text, without opening a wrapper. Raises NotAUrl with the reason.

    from_amp: whether the text was taken out of an AMP wrapper; its parts remember it.
    """
    plain = plain_pieces(text)
    if plain is not None:
        scheme, host, path, query = plain
        return _finish(scheme, host, "", path, query, "", note, from_amp=from_amp)
    if len(text) > MAX_BYTES:
        raise NotAUrl("it is longer than 64 KiB")
    read = _parse_escaped if ";" in text else _parse_text
    return read(text, note, from_amp=from_amp)


def plain_pieces(text: str) -> tuple[str, str, str, str] | None:
    """Return scheme, host, path and query of a text in the commonest shape, all canonical. None for any other text."""
    plain = _PLAIN.fullmatch(text) if len(text) <= _SHORT else None
    if plain is None:
        return None
    scheme, host, path, query = plain.groups("")
    if "//" in path or "/." in path or "xn--" in host:
        return None
    return scheme, host, path or "/", query


def _parse_escaped(text: str, note: Note | None, *, from_amp: bool) -> Parts:
    """Read character references until none is left, in the text and then in the parts that it comes to."""
    for _ in range(MAX_ESCAPES):
        escaped, text = text, unescape(text)
        if text == escaped:
            parts = _parse_text(text, note, from_amp=from_amp)
            escaped = _joined(parts)
            text = unescape(escaped)
            if text == escaped:
                return parts
            from_amp = parts.from_amp
        if note:
            note("read the character references, as HTML does")
    raise NotAUrl(f"its characters are escaped more than {MAX_ESCAPES} deep, each level as references of its own")


def _joined(parts: Parts) -> str:
    """Return parts as one text. An `&` also stands before the first parameter, for another order puts it there."""
    scheme, host, _, port, path, params, route, _ = parts
    return f"{scheme}://{host}:{port}{path}" + "".join(["?", *(f"&{param}" for param in params)]) + f"#{route}"


def _parse_text(text: str, note: Note | None, *, from_amp: bool) -> Parts:
    bare = noted(note, text, strip(text), "dropped what is invisible around it")
    href = _whatwg(bare)
    match = _HREF.fullmatch(href)
    if match is None:
        raise NotAUrl("its scheme is not http or https")
    scheme, host, port, path, query, fragment = match.groups(default="")
    if note:
        _note_parse(bare, href, note)
    host = _checked_host(host, note)
    port = "" if port in ("80", "443") else port
    path = _clean_path(path, note)
    route = _route(fragment, note)
    query = _escapes(query, "query", note)
    return _finish(scheme, host, port, path, query, route, note, from_amp=from_amp)


def _whatwg(text: str) -> str:
    if not text:
        raise NotAUrl("it is empty")
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise NotAUrl("it holds a lone surrogate, which is no character") from None
    if size > MAX_BYTES:
        raise NotAUrl("it is longer than 64 KiB")
    try:
        return normalize_url("https:" + text if _RELATIVE.match(text) else text)
    except ValueError:
        raise NotAUrl("it is no URL by the WHATWG rules (no scheme, or a bad host or port)") from None


def _checked_host(host: str, note: Note | None) -> str:
    bare = noted(note, host, host.removesuffix("."), "dropped the trailing dot of the host")
    if bare.startswith("["):
        return bare
    if "." not in bare:
        raise NotAUrl("its host has no dot")
    if ".." in bare or bare.startswith(".") or bare.endswith("."):
        raise NotAUrl("its host has an empty label")
    return bare


def _note_parse(text: str, href: str, note: Note) -> None:
    if _RELATIVE.match(text):
        note("read a URL without scheme as https")
    if "@" in href.split("//", 1)[1].split("/", 1)[0]:
        note("dropped the user info")
    if _RAW_PORT.match(text):
        note("dropped the default port")
    shown = re.sub(r"(?<=//)[^/?#@]*@", "", href, count=1).rstrip("/")
    if shown not in text:
        note(f"read it by the WHATWG rules as {shown}")


def _clean_path(path: str, note: Note | None) -> str:
    path = _escapes(path, "path", note)
    if ";" in path:
        path = _drop_session(path, note)
    if "//" in path:
        path = _collapse(path, note)
    return trim_path(path) if "%" in path else path


def _escapes(text: str, where: str, note: Note | None) -> str:
    clean = _ODD.sub(lambda found: _rewritten(found[0]), text)
    return noted(note, text, clean, f"wrote the percent escapes of the {where} in one way")


@cache  # there are a thousand
def _rewritten(odd: str) -> str:
    """Return an escape, or a character that needs one, as it is written in a key."""
    if len(odd) == 1:
        return f"%{ord(odd):02X}"
    value = int(odd[1:], 16)
    return chr(value) if value in _UNRESERVED else odd.upper()


def _drop_session(path: str, note: Note | None) -> str:
    bare = noted(note, path, _SESSION_PATH.sub("", path), "dropped ;jsessionid")
    if bare == path:
        return path
    # `/a/..;jsessionid=1/b` holds a dot segment only now.
    return normalize_url("https://a.example" + bare)[len("https://a.example") :]


def _collapse(path: str, note: Note | None) -> str:
    found = _EMBEDDED.search(path)
    end = len(path) if found is None else found.start() + 1
    clean = _SLASHES.sub("/", path[:end]) + path[end:]
    return noted(note, path, clean, "collapsed repeated slashes in the path")


def _route(fragment: str, note: Note | None) -> str:
    if not fragment:
        return ""
    fragment = trim(_escapes(fragment, "fragment", None))
    is_route = fragment.startswith(("!", "/")) and fragment not in ("!", "/", "!/")
    if note:
        note(f"kept the route #{fragment}" if is_route else "dropped the fragment")
    return fragment if is_route else ""


def _finish(
    scheme: str, host: str, port: str, path: str, query: str, route: str, note: Note | None, *, from_amp: bool
) -> Parts:
    site = drop_www(host, note)
    if not query:
        return Parts(scheme, host, site, port, path, (), route, from_amp)
    params, has_amp_flag = params_of(query, site, note)
    return Parts(scheme, host, site, port, path, params, route, from_amp or has_amp_flag)


def joined(host: str, port: str, path: str, params: Sequence[str], route: str) -> str:
    """Return the parts of a URL behind its scheme as one text."""
    address = host + ":" + port + path if port else host + path
    if params:
        address += "?" + "&".join(params)
    return address + "#" + route if route else address


def drop_www(host: str, note: Note | None = None) -> str:
    """Return a host without `www.`, where two labels remain."""
    found = _WWW.match(host)
    if found is None:
        return host
    site = host[found.end() :]
    if "." not in site:
        site = found[0][:-1].rpartition(".")[2] + "." + site
    return noted(note, host, site, f"dropped {host[: len(host) - len(site)]}")
