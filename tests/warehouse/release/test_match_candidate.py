"""Pairs that a person would look at: what the view match_candidate proposes, and what it must not."""

from collections.abc import Iterator

import pytest
from duckdb import DuckDBPyConnection

from schemas.urls import facts
from tests.ledgers import T, lay_tables, memory_ledger, put

UUID = "0f8fad5b-d9cb-469f-a165-70867728950e"
ARC = "MVGQ3FXTVNFCBJ7JVO4HUCVEFE"
LONG = "CBMiWGh0dHBzOi8vd3d3LmV4YW1wbGUuY29tL3N0b3J5"

ADDRESS = "one address but for mobile and AMP forms, index pages, case and ambiguous parameters"
ESCAPES = "one address but for AMP forms and escapes of reserved characters"
CONTENT_ID = "one content id under another slug, section or edition"

FLAGS = {"is_root": True, "is_withdrawn": False, "first_seen_at": T[0]}

PROPOSED = {
    "a mobile host": ("https://m.a.com/story", "https://a.com/story", ADDRESS),
    "an AMP path": ("https://a.com/amp/story", "https://a.com/story", ADDRESS),
    "an index page": ("https://a.com/story/index.html", "https://a.com/story", ADDRESS),
    "case of the path": ("https://a.com/Story", "https://a.com/story", ADDRESS),
    "an ambiguous parameter": ("https://a.com/story?cmpid=x", "https://a.com/story", ADDRESS),
    "an escaped apostrophe": ("https://a.com/it%27s-here", "https://a.com/it's-here", ESCAPES),
    "an escaped colon in the query": ("https://a.com/s?t=10%3A30", "https://a.com/s?t=10:30", ESCAPES),
    "escapes of all that are reserved": (
        "https://a.com/%21%24%27%28%29%2A%2c%3A%40",
        "https://a.com/!$'()*,:@",
        ESCAPES,
    ),
    "template=ampart": ("https://a.com/story?template=ampart", "https://a.com/story", ESCAPES),
    "version=amp": ("https://a.com/story?id=7&version=amp", "https://a.com/story?id=7", ESCAPES),
    "platform=amp": ("https://a.com/story?platform=amp&z=1", "https://a.com/story?z=1", ESCAPES),
    "amp-content=amp": ("https://a.com/story?amp-content=amp", "https://a.com/story", ESCAPES),
    "a suffix .amphtml": ("https://a.com/story.amphtml", "https://a.com/story", ESCAPES),
    "an MSN article in two editions": (
        "https://www.msn.com/en-gb/news/uk/a-title/ar-BB13zwbT",
        "https://www.msn.com/en-us/sport/other/another-title/ar-BB13zwbT",
        CONTENT_ID,
    ),
    "a UUID": (f"https://a.com/one/{UUID}", f"https://a.com/two/three-{UUID.upper()}", CONTENT_ID),
    "thirteen digits": ("https://a.com/one-1588934412345", "https://uk.a.com/two/1588934412345.html", CONTENT_ID),
    "digits below a suffix of two parts": (
        "https://x.a.co.uk/1234567",
        "https://y.a.co.uk/s/1234567",
        CONTENT_ID,
    ),
    "seven digits beside a day": ("https://a.com/20200508/s-1234567", "https://a.com/t-1234567", CONTENT_ID),
    "digits after a word": (
        "https://a.com/news/article242519976.html",
        "https://a.com/x/article242519976.html",
        CONTENT_ID,
    ),
    "Arc's 26 characters": (f"https://a.com/one/{ARC}", f"https://a.com/two/{ARC}/", CONTENT_ID),
    "1.NNNNNNN": ("https://a.com/news/one-1.5562345", "https://a.com/sport/two-1.5562345", CONTENT_ID),
    "an id in the query": ("https://a.com/one/story?id=70565419", "https://a.com/two/story?id=70565419", CONTENT_ID),
    "Google News under another path": (
        f"https://news.google.com/articles/{LONG}?oc=5",
        f"https://news.google.com/rss/articles/{LONG}",
        CONTENT_ID,
    ),
}

NOT_PROPOSED = {
    "a day": ("https://a.com/one/20200508", "https://a.com/two/20200508"),
    "a day and a time": ("https://a.com/one-202005081230", "https://a.com/two-202005081230"),
    "a day first": ("https://a.com/one-08052020", "https://a.com/two-08052020"),
    "six digits": ("https://a.com/one-123456", "https://a.com/two-123456"),
    "a round number": ("https://a.com/deaths-pass-1000000", "https://a.com/tests-pass-1000000"),
    "an id on two domains": ("https://a.com/one-1234567", "https://b.com/two-1234567"),
    "an id below one public suffix": ("https://a.co.uk/one-1234567", "https://b.co.uk/two-1234567"),
    "an escaped slash": ("https://a.com/one%2Ftwo", "https://a.com/one/two"),
    "an escaped ampersand": ("https://a.com/s?a=1%262", "https://a.com/s?a=1&2"),
    "an escaped plus": ("https://a.com/s?a=1%2B2", "https://a.com/s?a=1+2"),
    "an escaped percent sign": ("https://a.com/one%2527s", "https://a.com/one's"),
    "another parameter": ("https://a.com/s?template=big", "https://a.com/s"),
    "the id of a session": ("https://a.com/one?sid=1234567", "https://a.com/two?sid=1234567"),
    "MSN ids in another case": ("https://www.msn.com/a/ar-BB13zwbT", "https://www.msn.com/b/ar-BB13ZWBT"),
}


@pytest.fixture(scope="module")
def ledger() -> Iterator[DuckDBPyConnection]:
    """Give an empty release."""
    with memory_ledger() as connection:
        lay_tables(connection)
        yield connection


@pytest.fixture
def release(ledger: DuckDBPyConnection) -> DuckDBPyConnection:
    """Give the release without a row."""
    for table in ("dim_article", "fact_article", "article_url", "ops.alias"):
        ledger.execute(f"delete from {table}")
    return ledger


def add(connection: DuckDBPyConnection, *urls: str, title: str = "a title") -> None:
    """Add an article for each URL."""
    counts = dict.fromkeys(("image_count", "topic_count", "related_count", "mention_count", "cited_by_count"), 0)
    for number, url in enumerate(urls, start=1):
        told = facts(url)
        assert told is not None
        article = {"article_key": number, "url": url, "url_key": told.url_key, "title": title}
        put(connection, "dim_article", article | FLAGS)
        put(connection, "fact_article", {"article_key": number, "first_seen_date_key": 20240101, **counts})
        row = {"url_raw": url, "url_key": told.url_key, "loose_key": told.loose_key, "own_key": number, "kind": "web"}
        put(connection, "article_url", {**row, "article_key": number, "first_seen_at": T[0]})


def candidates(connection: DuckDBPyConnection) -> list[tuple[int, int, str]]:
    """Return the pairs with their reasons."""
    return connection.execute("select article_key, other_article_key, reason from match_candidate").fetchall()


@pytest.mark.parametrize(("one", "other", "reason"), PROPOSED.values(), ids=PROPOSED)
def test_it_is_proposed(release: DuckDBPyConnection, one: str, other: str, reason: str) -> None:
    add(release, one, other)

    assert candidates(release) == [(1, 2, reason)]


@pytest.mark.parametrize(("one", "other"), NOT_PROPOSED.values(), ids=NOT_PROPOSED)
def test_it_is_not_proposed(release: DuckDBPyConnection, one: str, other: str) -> None:
    add(release, one, other)

    assert candidates(release) == []


def test_a_pair_is_told_once_with_its_best_reason(release: DuckDBPyConnection) -> None:
    add(release, "https://a.com/story-1234567", "https://a.com/amp/story-1234567", "https://a.com/other/1234567")

    assert sorted(candidates(release)) == [(1, 2, ADDRESS), (1, 3, CONTENT_ID), (2, 3, CONTENT_ID)]


def test_what_many_articles_share_is_noise(release: DuckDBPyConnection) -> None:
    add(release, *(f"https://a.com/7654321/story-{number}" for number in range(9)))

    assert candidates(release) == []


def test_a_parted_alias_proposes_those_of_one_title(release: DuckDBPyConnection) -> None:
    add(release, "https://a.com/one", "https://a.com/two")
    release.execute("update dim_article set title = 'A Title' where article_key = 1")
    add_third = (
        "insert into dim_article by name select * replace (3 as article_key, 'other' as title) from dim_article limit 1"
    )
    release.execute(add_third)
    for number in (1, 2, 3):
        alias = {"url_key": "a.com/amp", "declaring_key": str(number), "is_joined": False, "reason": "", "example": ""}
        put(release, "ops.alias", {**alias, "article_key": number, "joined_count": 0})

    assert candidates(release) == [(1, 2, "one title, and one alias that does not join them")]


def test_bytes_that_are_no_text_break_nothing(release: DuckDBPyConnection) -> None:
    add(release, "https://a.com/%FF%27", "https://a.com/%FF'", "https://a.com/%", "https://a.com/%E9?x=%27")

    assert candidates(release) == [(1, 2, ESCAPES)]
