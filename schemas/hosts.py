"""The host that a provider's domain names.

Documents write `example.com`, `https://www.example.com/`, `example.com:443` and `bücher.example` for the domain of a
provider. All spellings of one host must be one provider, so the text is read as the start of a URL, by the same rules
as the URLs (schemas/url_rules.py), and only its host is kept.

A name (`Reuters`), a sentence or a list holds no host. Guessing one out of it was rejected: a wrong provider is worse
than an unknown one. A host needs a dot, as in a URL: nothing tells `intranet` from a name.
"""

import re
from functools import lru_cache

from schemas.url_rules import NotAUrl, canonical

# Any scheme counts, as the host is all that is taken; browsers also read http(s) without slashes.
_SCHEME = re.compile(r"(?:[a-z][a-z0-9+.-]*:)?[/\\]{2}|https?:", re.IGNORECASE)
# RFC 1123 section 2.1: a label begins and ends with a letter or digit, and the last label is no number (RFC 3696
# section 2: at least two characters). Underscores are no part of it, but real hosts have them.
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])")
_IPV4 = re.compile(r"[0-9]+(?:\.[0-9]+){3}")
_LONGEST_NAME = 253  # RFC 1035 section 2.3.4, as text


@lru_cache(maxsize=16_384)
def host_of(value: str) -> str | None:
    """Return the host that a text holds: lower case, in punycode, without `www.` and last dot; None where it holds none.

    In: any text, such as `https://www.Example.com:443/news` or `example.com.`. An IP address is a host as it is
    written, a name without a dot is none. Raises nothing.
    """
    text = value.strip()
    scheme = _SCHEME.match(text)
    try:
        host = canonical("https://" + text[scheme.end() if scheme else 0 :], None, from_amp=False).host
    except NotAUrl:
        return None
    if host.startswith("["):
        return host
    if _IPV4.fullmatch(host):
        # The WHATWG rules take `1.5` for an address too; here it is a version or a price.
        return host if host in text else None
    if len(host) > _LONGEST_NAME or not _NAME.fullmatch(host):
        return None
    bare = host.removeprefix("www.")
    return bare if "." in bare else host
