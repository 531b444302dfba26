"""What a URL says beyond its key: its domain, whether it is a front page or an AMP form, its loose key.

Nothing here merges articles, so these may guess where the key may not. Front page and domain guard the aliases, the AMP
form decides which spelling is shown, the loose key proposes pairs in the view match_candidate. When in doubt a page
counts as a front page, because an alias that is one would join all articles of a site.

publicsuffixlist brings the public suffix list with its private part, and fetches nothing. It is read at first use, as
that takes longer than all the rest of a short command.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from schemas.url_params import is_ambiguous, is_amp_param, is_idle, param_name
from schemas.url_rules import Parts, drop_www, joined
from schemas.url_wrappers import is_amp_cache, may_wrap

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

AMP_SEGMENTS = frozenset({"amp", ".amp", "google-amp", "amphtml", "amp.html"})
_MOBILE_LABELS = frozenset({"m", "mobile", "amp", "www", "www2"})
_INDEX_PAGES = frozenset(
    f"{stem}.{suffix}"
    for stem in ("index", "default", "home")
    for suffix in ("html", "htm", "php", "asp", "aspx", "jsp", "shtml", "cfm")
)
_FRONT_SEGMENTS = _INDEX_PAGES | AMP_SEGMENTS | {"home", "homepage", "index", "default", "m", "mobile"}
_LANGUAGE = re.compile(r"[a-z]{2}(?:[-_][a-z]{2,4})?")
# Parts of a segment by which publishers mark the AMP form: x.amp, x.amp.html, x_amp.html, article-amp, amp-article,
# amp_articleshow, amp-1159.html.
_AMP_MARK = re.compile(
    r"\.amp(?=\.html?$|$)|_amp(?=\.html?$)|(?<=/article)-amp(?=/)|(?<=/)amp[-_](?=article|[0-9]+\.html?$)"
)
_LONGEST_FRONT_PATH = 48
_IPV4 = re.compile(r"[0-9.]+")


@lru_cache(maxsize=1)
def _public_suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()


def registrable_domain(site: str) -> str:
    """Return the domain that one owner registered, by the public suffix list with its private part.

    In: a host as a key has it. Out: the suffix and one label before it; an IP address, or a host that is itself a
    suffix, is its own domain. A suffix that is not on the list is one label, as the list's algorithm says.
    """
    if site.startswith("[") or _IPV4.fullmatch(site):
        return site
    return _public_suffixes().privatesuffix(site) or site


class Site(NamedTuple):
    """What a host says of every page on it. may_wrap: its addresses may wrap pages of other hosts."""

    site: str
    domain: str
    loose_host: str
    is_amp: bool
    may_wrap: bool
    is_amp_cache: bool


@lru_cache(maxsize=65_536)
def site_of(host: str) -> Site:
    """Return what a canonical host says of its pages."""
    site = drop_www(host)
    domain = registrable_domain(site)
    is_amp = site.startswith("amp.") and site != domain
    return Site(site, domain, _loose_host(site, domain), is_amp, may_wrap(site), is_amp_cache(site))


def is_front(parts: Parts) -> bool:
    """Tell whether a URL is a site's front page in any known spelling, including those of a language."""
    if parts.route or any(not is_idle(param) for param in parts.params):
        return False
    return is_front_path(parts.path)


def is_front_path(path: str) -> bool:
    """Tell whether front pages have such a path, in upper or lower case."""
    if len(path) > _LONGEST_FRONT_PATH:
        return False
    segments = [segment for segment in path.lower().split("/") if segment]
    return all(segment in _FRONT_SEGMENTS or _LANGUAGE.fullmatch(segment) for segment in segments)


def is_amp_form(parts: Parts) -> bool:
    """Tell whether a spelling is an AMP form: out of an AMP cache, or with an AMP host, path or flag."""
    is_amp = parts.from_amp or site_of(parts.host).is_amp or any(map(is_amp_param, parts.params))
    return is_amp or is_amp_path(parts.path)


def is_amp_path(path: str) -> bool:
    """Tell whether AMP forms have such a path, in upper or lower case."""
    path = path.lower()
    if "amp" not in path:
        return False
    path = path.rstrip("/")
    return not AMP_SEGMENTS.isdisjoint(path.split("/")) or _AMP_MARK.search(path) is not None


def loose_path(path: str) -> str:
    """Return a path for the loose key: in lower case, without AMP forms and index pages; empty for the root."""
    low = path.lower().rstrip("/")
    if "amp" not in low and "//" not in low and low.rpartition("/")[2] not in _INDEX_PAGES:
        return low
    segments = [part for part in low.split("/") if part and part not in AMP_SEGMENTS]
    if segments and segments[-1] in _INDEX_PAGES:
        segments.pop()
    clean = "/" + "/".join(segments) if segments else ""
    return _AMP_MARK.sub("", clean) if "amp" in clean else clean


def loose_form(parts: Parts) -> str:
    """Return the loose key: without mobile and AMP forms, index pages, path case and ambiguous parameters."""
    kept = sorted([param for param in parts.params if not is_ambiguous(param)], key=param_name)
    return joined(site_of(parts.host).loose_host, parts.port, loose_path(parts.path), kept, parts.route)


def _loose_host(site: str, domain: str) -> str:
    if site == domain or not site.endswith("." + domain):
        return site
    labels = site[: -len(domain) - 1].split(".")
    return ".".join([label for label in labels if label not in _MOBILE_LABELS] + [domain])
