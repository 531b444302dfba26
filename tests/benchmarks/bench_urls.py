"""Keys a second on one core, beside ural and courlan on the same list in the same run.

    python -m tests.benchmarks.bench_urls [FILE-OR-FOLDER]

In: a file of URLs, one a line, or a folder of documents, whose URL fields are taken as they come; without one, a list
that is made here. Out: a table on stdout, one row per way of asking. Each figure is the best of five passes, since a
busy machine only ever makes a pass slower. ural and courlan are optional: what is not installed is left out. They do
less and other work (ural normalises, courlan cleans); the row says what they cost, not that they answer the question.
"""

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from schemas.urls import facts, url_key

PASSES = 5
SUFFIXES = frozenset({".md", ".markdown", ".txt", ".yaml", ".yml"})
FIELD = re.compile(r"^[ -]*(?:webUrl|originalUrl|ampWebUrl|cdnAmpWebUrl): *(\S.*)$", re.MULTILINE)
FLOORS = {"url_key, distinct": 100_000, "facts, distinct": 100_000, "facts memo, all mentions": 1_000_000}

Ask = Callable[[str], object]


class Figure(NamedTuple):
    """One row of the table: a way of asking, how many URLs a pass asks for, how many a second it answers."""

    name: str
    urls: int
    per_second: float


def made_urls(stories: int = 5_000) -> Iterator[str]:
    """Yield URLs in the proportions of real documents: most plain, some flagged, some behind a cache, each 12 times."""
    for story in [*range(stories)] * 12:
        path = f"www.daily-{story % 97}.example/news/2024/05/{story}-the-river-otters-have-come-back"
        yield from {
            3: [f"https://{path}/?utm_source=rss&id={story}"],
            5: [f"https://www-daily.cdn.ampproject.org/c/s/{path}/amp/", f"https://{path}?amp"],
        }.get(story % 8, [f"https://{path}/"])


def read_urls(place: Path) -> list[str]:
    """Return the URLs of a list or of a folder of documents, in the order in which they come.

    Raises OSError where the place cannot be read.
    """
    if place.is_file():
        return [line.strip() for line in place.read_text("utf-8").splitlines() if line.strip()]
    files = sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES)
    texts = (path.read_text("utf-8", "replace") for path in files)
    return [found.strip("\"' ") for text in texts for found in FIELD.findall(text)]


def per_second(ask: Callable[[], Ask], urls: Sequence[str]) -> float:
    """Return how many URLs a second the best of the passes answers; each pass starts with a new way of asking."""
    best = float("inf")
    for _ in range(PASSES):
        answer = ask()
        begun = time.perf_counter()
        for url in urls:
            answer(url)
        best = min(best, time.perf_counter() - begun)
    return len(urls) / best


def others() -> Iterator[tuple[str, Ask]]:
    """Yield the libraries that are installed, each with its nearest function."""
    for module, name in (("ural", "normalize_url"), ("courlan", "clean_url"), ("ada_url", "normalize_url")):
        try:
            yield f"{module}.{name}", getattr(import_module(module), name)
        except ImportError:
            continue


def measured(urls: Sequence[str]) -> Iterator[Figure]:
    """Yield a figure for each way of asking, over the distinct URLs and over all as they come."""
    distinct = list(dict.fromkeys(urls))
    first = time.perf_counter()
    for url in distinct:
        facts(url)
    yield Figure("facts, distinct, with the imports", len(distinct), len(distinct) / (time.perf_counter() - first))
    yield Figure("url_key, distinct", len(distinct), per_second(lambda: url_key, distinct))
    yield Figure("facts, distinct", len(distinct), per_second(lambda: facts, distinct))
    yield Figure("url_key memo, all mentions", len(urls), per_second(lambda: lru_cache(None)(url_key), urls))
    yield Figure("facts memo, all mentions", len(urls), per_second(lambda: lru_cache(262_144)(facts), urls))
    for name, ask in others():
        yield Figure(f"{name}, distinct", len(distinct), per_second(partial(safe, ask), distinct))


def safe(ask: Ask) -> Ask:
    """Return a way of asking that takes a library's refusal of a URL for an answer."""

    def answer(url: str) -> object:
        try:
            return ask(url)
        except ValueError:
            return None

    return answer


def table(figures: Iterable[Figure]) -> Iterator[str]:
    """Yield the lines of the table, with the floor beside the figures that have one."""
    yield f"{'way':<34}{'URLs':>10}{'a second':>14}{'floor':>12}"
    for figure in figures:
        floor = FLOORS.get(figure.name)
        yield f"{figure.name:<34}{figure.urls:>10,}{figure.per_second:>14,.0f}{f'{floor:,}' if floor else '':>12}"


def main(arguments: Sequence[str]) -> int:
    """Print the table; return the exit status: 0, or 2 where the place cannot be read or holds no URL."""
    try:
        urls = read_urls(Path(arguments[0])) if arguments else list(made_urls())
    except OSError as error:
        sys.stderr.write(f"cannot read the URLs: {error}\n")
        return 2
    if not urls:
        sys.stderr.write(f"no URL in {arguments[0]}\n")
        return 2
    for line in table(measured(urls)):
        sys.stdout.write(line + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
