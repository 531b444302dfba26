"""Invented articles, and how the source writes them down.

An article is a pure function of its name (seed, cluster, number), so that nothing has to be kept between clusters and
an edit can render one document again without the others. The text is drawn from word lists: no word order, address or
name comes from a real corpus. The list of words has a few outside ASCII, so that one text in four has one.
"""

import base64
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import accumulate
from random import Random

from tests.benchmarks import corpus_shape as shape

VOCABULARY = """
cloud service platform update region network storage database security customer partner market data model server
device digital growth report release preview general available support feature release tool team developer business
company industry health finance retail energy transport education public private hybrid edge mobile remote work
office meeting analyst forecast quarter revenue profit share price stock index bank capital fund startup founder
board chief executive officer engineer research study university science climate water power solar wind battery
vehicle factory supply chain shipping harbor airport railway city council government policy law court ruling privacy
consumer user account password identity access threat attack breach patch version open source standard protocol
interface machine learning vision speech language translation robot sensor camera image video audio music film game
player console season league match coach record launch mission orbit satellite telescope planet space agency budget
plan deal merger offer contract order program project pilot trial test result review guide lesson step question
answer idea story history future past year month week day night morning winter summer north south east west coast
river mountain island bridge tower house garden kitchen market street corner window door table paper letter book
page line word number list map fast slow early late new old large small strong weak simple complex secure reliable
flexible global local regional national annual weekly daily final first second third next last major minor direct
shared managed grows adds opens brings makes takes moves shows says finds helps wants plans builds tests ships joins
leaves expands extends improves reduces replaces supports announces introduces delivers reaches expects warns with
for and the of in on to from over under after before across into about against between through its their
"""
WORDS = tuple(VOCABULARY.split())
RARE_WORDS = ("company\u2019s", "café", "—", "naïve", "\u201csmart\u201d")
DRAWN_WORDS = WORDS + RARE_WORDS
WORD_WEIGHTS = tuple(accumulate([1.0] * len(WORDS) + [0.0016 * len(WORDS)] * len(RARE_WORDS)))
PUBLISHER_SUFFIXES = ("com", "com", "com", "com", "net", "org", "co.uk", "io")
PUBLISHER_COUNT = 600


@dataclass(frozen=True, slots=True)
class Publisher:
    """Who publishes. `domain` has no `www.`."""

    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class Article:
    """What all mentions of one article say. Times are UTC; `images` are (url, width, height, caption or None)."""

    title: str
    excerpt: str
    published_at: datetime
    web_url: str
    amp_url: str | None
    cache_url: str | None
    publisher: Publisher
    quality: int
    images: tuple[tuple[str, int, int, str | None], ...]
    slug: str


@cache
def publishers() -> tuple[tuple[Publisher, ...], tuple[float, ...]]:
    """Return all publishers and their cumulated weights: the first has one mention in six, as in the real source."""
    draw = Random("publishers")
    first, second = (draw.sample(WORDS * 9, PUBLISHER_COUNT) for _ in range(2))
    names = [f"{a.title()} {b.title()}" for a, b in zip(first, second, strict=True)]
    made = [
        Publisher(name, f"{name.replace(' ', '').lower()}{number}.{draw.choice(PUBLISHER_SUFFIXES)}")
        for number, name in enumerate(names)
    ]
    return tuple(made), tuple(accumulate(1 / (number + 1.2) for number in range(PUBLISHER_COUNT)))


def words(draw: Random, count: int) -> list[str]:
    """Return `count` words, drawn with repeats."""
    return draw.choices(DRAWN_WORDS, cum_weights=WORD_WEIGHTS, k=count)


def article(name: str, published_at: datetime, identifier: str) -> Article:
    """Return the article of a name. `identifier` stands in its URL, so that no two articles share one."""
    draw = Random(name)
    title_words = words(draw, draw.randint(6, 14))
    slug = "-".join(word for word in title_words if word.isascii())[:90] + "-" + identifier
    known, weights = publishers()
    publisher = draw.choices(known, cum_weights=weights)[0]
    path = (
        f"{published_at:%Y/%m/%d}/{slug}/" if draw.random() < shape.DATED_PATH_SHARE else f"{draw.choice(WORDS)}/{slug}"
    )
    query = "?id=" + identifier if draw.random() < shape.QUERY_SHARE else ""
    web_url = f"https://www.{publisher.domain}/{path}{query}"
    amp_url, cache_url = amp_forms(draw, publisher.domain, path) if not query else (None, None)
    return Article(
        title=title_of(draw, title_words),
        excerpt=excerpt_of(draw),
        published_at=published_at,
        web_url=web_url,
        amp_url=amp_url,
        cache_url=cache_url,
        publisher=publisher,
        quality=int(draw.triangular(8, 125, 34)),
        images=images_of(draw, publisher.domain),
        slug=slug,
    )


def title_of(draw: Random, title_words: list[str]) -> str:
    """Return a title; some end in a no-break space, as the source's do."""
    text = " ".join(title_words)
    return text[:1].upper() + text[1:] + ("\u00a0" if draw.random() < shape.TRAILING_SPACE_SHARE else "")


def excerpt_of(draw: Random) -> str:
    """Return an excerpt of up to 435 characters; a few are empty, a few hold quotation marks."""
    if draw.random() < shape.NO_EXCERPT_SHARE:
        return ""
    text = " ".join(words(draw, int(draw.triangular(10, 52, 29))))[:434]
    quoted = draw.random() < shape.QUOTED_SHARE
    return (f'"{text[:20]}"{text[20:]}' if quoted else text[:1].upper() + text[1:]) + "."


def amp_forms(draw: Random, domain: str, path: str) -> tuple[str | None, str | None]:
    """Return the AMP address and its cache's, in the source's four forms, or two Nones."""
    if draw.random() >= shape.AMP_SHARE:
        return None, None
    host, target = draw.choices(
        (
            (f"amp.{domain}", path),
            (f"www.{domain}", path.rstrip("/") + "/amp/"),
            (f"www.{domain}", path + "?amp=1"),
            (f"www.{domain}", "amp/" + path),
        ),
        shape.AMP_FORM_WEIGHTS,
    )[0]
    cache_host = host.replace("-", "--").replace(".", "-") + ".cdn.ampproject.org"
    return f"https://{host}/{target}", f"https://{cache_host}/c/s/{host}/{target}"


def images_of(draw: Random, domain: str) -> tuple[tuple[str, int, int, str | None], ...]:
    """Return none, one or two images."""
    if draw.random() >= shape.IMAGE_SHARE:
        return ()
    count = 2 if draw.random() < shape.SECOND_IMAGE_SHARE / shape.IMAGE_SHARE else 1
    return tuple(image(draw, domain) for _ in range(count))


def image(draw: Random, domain: str) -> tuple[str, int, int, str | None]:
    """Return one image: its URL (39 to 170 characters), width and height in pixels, and a caption or None."""
    name = f"{draw.getrandbits(64):016x}-" + "-".join(draw.choices(WORDS, k=draw.randint(1, 7)))
    width, height = draw.choice(shape.IMAGE_SIZES)
    caption = " ".join(draw.choices(WORDS, k=5)) if draw.random() < shape.IMAGE_TITLE_SHARE else None
    return f"https://media.{domain}/uploads/{name}.jpg", width, height, caption


def quoted(text: str) -> str:
    """Return a double-quoted YAML scalar, as the source writes texts and URLs."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def stamp(moment: datetime) -> str:
    """Return a time as the source writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def image_lines(found: Article, indent: str) -> str:
    """Return the `images:` block at an indentation, or nothing."""
    if not found.images:
        return ""
    lines = [f"{indent}images:\n"]
    for url, width, height, caption in found.images:
        lines.append(f"{indent}  - url: {quoted(url)}\n{indent}    width: {width}\n{indent}    height: {height}\n")
        lines.append(f"{indent}    title: {quoted(caption)}\n" if caption else "")
        lines.append(f"{indent}    isCached: true\n")
    return "".join(lines)


def amp_lines(found: Article, indent: str) -> str:
    """Return the two AMP lines at an indentation, or nothing."""
    if found.amp_url is None or found.cache_url is None:
        return ""
    return f"{indent}ampWebUrl: {quoted(found.amp_url)}\n{indent}cdnAmpWebUrl: {quoted(found.cache_url)}\n"


def related_block(found: Article) -> str:
    """Return the entry of a `related:` list, its line ends included."""
    return (
        f"  - title: {quoted(found.title)}\n    excerpt: {quoted(found.excerpt)}\n"
        f"    publishedDateTime: {stamp(found.published_at)}\n    webUrl: {quoted(found.web_url)}\n"
        f"{amp_lines(found, '    ')}    type: article\n"
        f"    provider:\n      name: {found.publisher.name}\n      domain: {found.publisher.domain}\n"
        f"    quality: {found.quality}\n{image_lines(found, '    ')}"
    )


def secured(name: str) -> str:
    """Return a text as long as the source's ciphertext, and as hard to compress."""
    draw = Random(name)
    sizes, weights = zip(*shape.SECURED_BYTES, strict=True)
    head, tail = draw.randbytes(draw.choices(sizes, weights)[0]), draw.randbytes(shape.SECURED_TAIL_BYTES)
    return base64.b64encode(head).decode() + ";" + base64.b64encode(tail).decode()


def shifted(moment: datetime, draw: Random) -> datetime:
    """Return a time near another: mostly within the week, else within the life of a cluster."""
    days = shape.NEAR_DAYS if draw.random() < shape.NEAR_SHARE else shape.FAR_DAYS
    return moment + timedelta(seconds=int(draw.triangular(-days, days, 0) * 86_400))
