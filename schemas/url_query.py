"""The query of a URL: which parameters name the page, written in one way.

A query is read as a form is (WHATWG, application/x-www-form-urlencoded): `+` is a space, and `a` is `a=`. What never
names a page is dropped, by the lists of schemas/url_params.py alone.
"""

from collections.abc import Callable
from functools import lru_cache

from schemas.url_ends import trim
from schemas.url_params import HOST_TRACKERS, SESSION_IDS, TRACKER_PREFIX, TRACKERS

Note = Callable[[str], None]
"""Takes what a rule did, in words, for an explanation."""


def param_name(param: str) -> str:
    """Return the name of a parameter, by which a key sorts; those of one name keep their order."""
    return param.partition("=")[0]


def params_of(query: str, site: str, note: Note | None) -> tuple[tuple[str, ...], bool]:
    """Return the parameters that name the page, in the order written, and whether an AMP flag was among the others.

    In: a canonical query that is not empty, and the host without `www.`, whose own trackers are dropped too.
    """
    pieces = _pieces(query, note)
    own = _host_trackers(site)
    params = tuple([piece for piece in pieces if piece and not _is_dropped(piece, own, note)])
    return params, any(map(_is_amp_flag, pieces))


def _pieces(query: str, note: Note | None) -> list[str]:
    if "+" in query:
        query = query.replace("+", "%20")
        if note:
            note("read + in the query as a space")
    pieces = query.split("&")
    if "%" not in query and "=&" not in query and query[-1] != "=":
        return pieces
    return [_bare(piece, note) if piece[-1:] == "=" or piece[-3:-2] == "%" else piece for piece in pieces]


def _bare(piece: str, note: Note | None) -> str:
    """Return a parameter without an invisible end; an empty value is none, as `a` and `a=` are one to a form."""
    piece = trim(piece)
    if piece.find("=") != len(piece) - 1:
        return piece
    bare = trim(piece[:-1])
    if note and piece:
        note(f"read {piece} as {bare}")
    return bare


def _is_dropped(piece: str, own: frozenset[str], note: Note | None) -> bool:
    name = param_name(piece)
    low = name.lower()
    if low in TRACKERS or low.startswith(TRACKER_PREFIX):
        word = f"the tracking parameter {name}"
    elif low in own:
        word = f"the parameter {name}, which tracks on this site"
    elif low in SESSION_IDS:
        word = f"the session parameter {name}"
    elif _is_amp_flag(piece):
        word = f"the AMP flag {piece}"
    else:
        return False
    if note:
        note(f"dropped {word}")
    return True


def _is_amp_flag(piece: str) -> bool:
    return piece.lower() in ("amp=1", "outputtype=amp")


@lru_cache(maxsize=4096)
def _host_trackers(site: str) -> frozenset[str]:
    labels = site.rsplit(".", 3)[-3:]
    own = HOST_TRACKERS.get(".".join(labels))
    return own if own is not None else HOST_TRACKERS.get(".".join(labels[-2:]), frozenset())
