"""What the text of a url_key says of its story: the slug and id of its last path segment, and what may contradict them.

Used where two keys have something in common already (an alias that both declare), never to merge by itself. A key that
says too little is kept apart, which is only untidy; one that says too much would lose an article. So dates, round
numbers and short numbers do not count as ids, nor words that any address may have as a slug.
"""

import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from schemas.url_forms import AMP_SEGMENTS
from schemas.url_params import word_set
from schemas.urls import facts


class Marks(NamedTuple):
    """What a key says of its story.

    `page` is its looser spelling: host, path and parameters without AMP forms. `part` are the parameters that name a
    part of the page. `others` is what else may contradict: the other parameters, and the day, id and number that stand
    above the last segment.
    """

    page: str
    part: str
    slug: str | None
    id: str | None
    folder_id: str | None
    others: dict[str, str]
    is_amp: bool
    is_live: bool
    path: str


_INDEX_PAGE = re.compile(r"(?:index|default|home)\.[a-z]{3,5}")
_ENDING = re.compile(r"(?:[._-]amp|\.amphtml|\.[a-z]{2,7})+$", re.IGNORECASE)
_LONGEST_ENDING = 40  # looked at for an ending, so that no text takes long
_AMP_PARAM = re.compile(r"(?:template|version|platform|amp-content)=amp(?:art|html)?", re.IGNORECASE)
# Parameters that name a part of a page, or a page of a site that has one address for all.
_PART_NAME = re.compile(
    r"(?:[a-z]+[-_])?(?:p|pg|n|no|num|nr|v|q|k|key|pinned[a-z_]*|comment|msg|anchor|slide|image|"
    r"(?:p|post|entry|block|item|page|story|article|update|news|content|doc|node|blog|event|live)s?(?:[-_]?(?:id|no|nr|num|key))?|id)",
    re.IGNORECASE,
)

# Words that any page may have in its address.
_GENERIC = word_set("""
    a all amp an and archive article articles as at audio blog blogs breaking by category content coverage current daily
    day default detail details entry feed feeds for from full gallery galleries headline headlines home homepage html in
    index item items latest list live liveblog liveblogs liveticker main media minute mobile more news newsletter next
    of on online our overview page pages part photo photos php pictures podcast post posts print program recap report
    section series show slideshow special stories story stream streaming summary tag the this ticker to today top topic
    topics update updated updates view video videos watch web week weekly with world
    jan january feb february mar march apr april may jun june jul july aug august sep sept september oct october nov
    november dec december monday tuesday wednesday thursday friday saturday sunday am pm
""")
_LIVE = word_set("blog live liveblog liveblogs livecoverage livestream liveticker newsticker ticker updates")
_FEWEST_WORDS = 2
# Scripts without spaces have no hyphens either.
_UNSPACED = re.compile(r"[^\x00-\u02ff]")
_FEWEST_UNSPACED = 6

_BETWEEN_WORDS = re.compile(r"[^0-9A-Za-z\u00aa-\U0010ffff]+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_NUMBER = re.compile(r"([A-Za-z]*)([0-9]+)")
_SHORTEST_NUMBER = 6
_SHORTEST_MIXED = 9
_FEWEST_CHANGES = 3
_RUNS = re.compile(r"[0-9]+|[A-Za-z]+")

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY = re.compile(
    r"(?:^|/)((?:19|20)[0-9]{2})[/-]([0-9]{1,2}|[a-z]{3,9})(?:[/-]([0-9]{1,2}))?(?=/|$)|/((?:19|20)[0-9]{6})(?=/)",
    re.IGNORECASE,
)


@lru_cache(maxsize=16_384)
def story_marks(key: str) -> Marks:
    """Return what a url_key says of its story."""
    told = facts("https://" + key)
    page = _without_amp_params(key if told is None else told.loose_key)
    address, _, route = key.partition("#")
    address = address.partition("?")[0]
    path = unquote(address.partition("/")[2])
    folders, last = _last_segment(path)
    slug, id_ = (None, None) if route else _slug_and_id(last)
    is_live = not _LIVE.isdisjoint(_BETWEEN_WORDS.split(path.lower()))
    part, others = _parameters(page.partition("#")[0].partition("?")[2], is_live=is_live)
    if slug is None and id_ is None and not route:
        id_ = _only_id(part)
    folder_id = next((folder for folder in reversed(folders) if _is_id(folder)), None)
    number = next((folder.lstrip("0") for folder in reversed(folders) if folder.isdecimal()), None)
    above = {"folder": folder_id, "number": number, "day": _day("/".join(folders))}
    return Marks(
        page,
        part,
        slug,
        id_,
        folder_id,
        others | {name: value for name, value in above.items() if value},
        told is not None and told.is_amp,
        is_live,
        address,
    )


def _without_amp_params(loose_key: str) -> str:
    """Return a loose key without the parameters by which sites spell the AMP form of a page, and its suffix."""
    address, mark, query = loose_key.partition("?")
    address = re.sub(r"\.amphtml$", "", address, flags=re.IGNORECASE)
    kept = [param for param in query.split("&") if not _AMP_PARAM.fullmatch(param)] if mark else []
    return address + ("?" + "&".join(kept) if kept else "")


def _parameters(query: str, *, is_live: bool) -> tuple[str, dict[str, str]]:
    """Part a query into the parameters that name a part of the page, as text, and the others by their names.

    Any parameter may name a post of a live blog, and so does a slug in the place of a name: `?schools-open-soon`.
    """
    part: list[str] = []
    others: dict[str, str] = {}
    for param in filter(None, query.split("&")):
        name, _, value = param.partition("=")
        if is_live or _PART_NAME.fullmatch(name) or _is_id(value) or (not value and _slug(unquote(name))):
            part.append(param)
        else:
            others["?" + name] = others.get("?" + name, "") + param
    return "&".join(part), others


def _last_segment(path: str) -> tuple[list[str], str]:
    """Return the folders of a path and its last segment that is no AMP mark and no index page, without its ending."""
    segments = [part for part in path.split("/") if part and part.lower() not in AMP_SEGMENTS]
    if segments and _INDEX_PAGE.fullmatch(segments[-1].lower()):
        segments.pop()
    if not segments:
        return [], ""
    last = segments[-1]
    return segments[:-1], last[:-_LONGEST_ENDING] + _ENDING.sub("", last[-_LONGEST_ENDING:])


def _slug_and_id(segment: str) -> tuple[str | None, str | None]:
    """Return the slug and the id of a segment, each None where it has none; a trailing id goes before a leading one."""
    uuid = _UUID.search(segment)
    if uuid is not None:
        return _slug(segment[: uuid.start()] + segment[uuid.end() :]), uuid[0].lower()
    words = [word for word in _BETWEEN_WORDS.split(segment) if word]
    # `x-1234567-story`: the words of every page may stand behind the id.
    telling = [place for place, word in enumerate(words) if word.lower() not in _GENERIC]
    for place in (*telling[-1:], *telling[:1]):
        if _is_id(words[place]):
            return _slug("-".join(words[:place] + words[place + 1 :])), words[place]
    return _slug("-".join(words)), None


def _slug(text: str) -> str | None:
    slug = "-".join(word for word in _BETWEEN_WORDS.split(text.lower()) if word)
    words = [word for word in slug.split("-") if len(word) > 1 and not word.isdecimal() and word not in _GENERIC]
    is_telling = len(words) >= _FEWEST_WORDS or len(_UNSPACED.findall(slug)) >= _FEWEST_UNSPACED
    return slug if is_telling else None


def _is_id(word: str) -> bool:
    """Tell whether a word is an id: a long number, no date and not round; or letters and digits that alternate."""
    number = _NUMBER.fullmatch(word)
    if number is not None:
        letters, digits = number.groups()
        is_long = len(digits) >= _SHORTEST_NUMBER + bool(letters)
        return is_long and not digits.endswith("000") and not _is_date(digits)
    if _UUID.fullmatch(word):
        return True
    changes = len(_RUNS.findall(word)) - 1
    return word.isascii() and word.isalnum() and len(word) >= _SHORTEST_MIXED and changes >= _FEWEST_CHANGES


def _is_date(digits: str) -> bool:
    """Tell whether digits can be read as a day, with or without a time, or as a month."""
    if len(digits) == 6:
        return _is_day(digits + "01") or any(_is_day("20" + part) for part in _orders(digits, 2))
    if len(digits) in (8, 10, 12, 14):
        return any(_is_day(part) for part in _orders(digits[:8], 4))
    return False


def _orders(digits: str, year_length: int) -> Iterator[str]:
    """Yield digits read as year, month, day; as day, month, year; and as month, day, year."""
    year, one, other = digits[-year_length:], digits[:2], digits[2:4]
    yield from (digits, year + other + one, year + one + other)


def _is_day(digits: str) -> bool:
    try:
        return 1990 <= date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])).year < 2100
    except ValueError:
        return False


def _day(folders: str) -> str | None:
    """Return the last date that stands in the folders of a path, written in one way."""
    found = list(_DAY.finditer(folders + "/"))
    if not found:
        return None
    year, month, day, whole = found[-1].groups()
    if whole:
        return f"{whole[:4]}-{whole[4:6]}-{whole[6:]}"
    month = month.lower()[:3]
    number = _MONTHS.index(month) + 1 if month in _MONTHS else int(month) if month.isdecimal() else 0
    return f"{year}-{number:02}" + (f"-{int(day):02}" if day else "")


def _only_id(part: str) -> str | None:
    """Return the id that the parameters hold, for pages such as `story?id=70565419`, where they hold just one."""
    ids = [value for _, _, value in (param.partition("=") for param in part.split("&")) if _is_id(value)]
    return ids[0] if len(ids) == 1 else None
