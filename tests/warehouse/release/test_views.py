"""The views of a release: what they show, and that unknown providers and dates neither drop nor double a row."""

from datetime import date, datetime
from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from schemas.tables import VIEWS
from tests.ledgers import T, lay_tables, put

NOON = datetime(2021, 4, 29, 12)


@pytest.fixture
def release(connection: DuckDBPyConnection) -> DuckDBPyConnection:
    """Give a release of two articles of which one is known by its key alone, a provider, a topic and two images."""
    lay_tables(connection)
    dates = {"year": 2021, "quarter": 2, "month": 4, "month_name": "April", "day": 29}
    days = {
        "iso_year": 2021,
        "iso_week": 17,
        "date_key": 20210429,
        "date": date(2021, 4, 29),
        "day_of_week": 4,
        "day_name": "Thursday",
        "is_weekend": False,
    }
    put(connection, "dim_date", {**dates, **days})
    put(connection, "dim_provider", {"provider_key": 7, "domain": "a.com", "name": "A"})
    put(connection, "dim_provider", {"provider_key": 8, "domain": "b.com"})
    put(connection, "dim_topic", {"topic_key": 1, "topic": "Z"}, {"topic_key": 2, "topic": "AI"})
    put(connection, "dim_image", {"image_key": 1, "url": "first"}, {"image_key": 2, "url": "second"})
    put(connection, "dim_document", {**document(1), "article_key": 1})
    add_article(connection, 1, title="one", provider_key=7, published_at=NOON, published_date_key=20210429, heat=4)
    add_article(connection, 2, last_seen_at=T[2])
    for article_key, topic_key, weight in [(1, 1, 0.5), (1, 2, 0.5), (2, 1, 1)]:
        put(connection, "bridge_article_topic", {"article_key": article_key, "topic_key": topic_key, "weight": weight})
    for image_key, position in [(2, 1), (1, 2)]:
        row = {"article_key": 1, "image_key": image_key, "position": position}
        put(connection, "bridge_article_image", row)
    return connection


def document(key: int) -> dict[str, Any]:
    """Return a row of dim_document without its article."""
    times = {"first_seen_at": T[0], "changed_at": T[0]}
    return {"document_key": key, "source": "news", "path": f"{key}.md", "bytes": 1, "version_count": 1, **times}


def add_article(connection: DuckDBPyConnection, key: int, **values: Any) -> None:
    """Add an article to dim_article and fact_article."""
    dimension = {"article_key": key, "url": f"https://{key}", "url_key": str(key), "is_root": key == 1}
    dimension |= {"is_withdrawn": False, "first_seen_at": T[0]}
    counts = ("image_count", "topic_count", "related_count", "mention_count", "cited_by_count")
    fact = {"article_key": key, "first_seen_date_key": 20240101, **dict.fromkeys(counts, key)}
    for name, value in values.items():
        (dimension if name in ("title", "last_seen_at") else fact)[name] = value
    put(connection, "dim_article", dimension)
    put(connection, "fact_article", fact)


def listed(connection: DuckDBPyConnection, *mentions: tuple[int, int, int]) -> None:
    """Let document 1 of article 1 hold mentions: position, article and document."""
    for position, article_key, document_key in mentions:
        role = "related" if position else "root"
        row = {"document_key": document_key, "position": position, "role": role, "article_key": article_key}
        put(connection, "fact_mention", {**row, "root_article_key": 1, "url_raw": "u"})


def test_articles_shows_each_article_once_with_names(release: DuckDBPyConnection) -> None:
    columns = "article_key, title, provider_name, provider_domain, topics, image_url, published_date, is_current, heat"

    rows = release.execute(f"select {columns} from articles order by article_key").fetchall()

    assert rows == [
        (1, "one", "A", "a.com", "AI, Z", "second", date(2021, 4, 29), True, 4),
        (2, None, None, None, "Z", None, None, False, None),
    ]


def test_related_articles_shows_an_edge_once_at_its_first_place(release: DuckDBPyConnection) -> None:
    add_article(release, 3, published_at=datetime(2021, 4, 28), provider_key=8)
    listed(release, (0, 1, 1), (1, 1, 1), (2, 3, 1), (4, 2, 1), (5, 3, 1))
    columns = "related_article_key, position, title, provider_domain, related_provider_domain, days_between"

    rows = release.execute(f"select {columns} from related_articles order by position").fetchall()

    assert rows == [(3, 2, "one", "a.com", "b.com", -1.5), (2, 4, "one", "a.com", None, None)]


def test_related_articles_parts_two_documents_of_one_article(release: DuckDBPyConnection) -> None:
    put(release, "dim_document", {**document(2), "article_key": 1})
    listed(release, (0, 1, 1), (1, 2, 1), (0, 1, 2), (7, 2, 2))

    rows = release.execute("select document_key, related_article_key, position from related_articles").fetchall()

    assert sorted(rows) == [(1, 2, 1), (2, 2, 7)]


def test_provider_summary_shows_providers_without_an_article(release: DuckDBPyConnection) -> None:
    add_article(release, 3, provider_key=7, published_at=T[0], quality=10, heat=5)
    columns = (
        "domain, name, article_count, root_count, mention_count, cited_by_count, average_quality, average_heat, "
        "first_published_at, last_published_at"
    )

    rows = release.execute(f"select {columns} from provider_summary order by domain").fetchall()

    assert rows == [
        ("a.com", "A", 2, 1, 4, 4, 10.0, 4.5, NOON, T[0]),
        ("b.com", None, 0, 0, 0, 0, None, None, None, None),
    ]


def test_topic_daily_keeps_articles_without_a_date(release: DuckDBPyConnection) -> None:
    rows = release.execute("select * from topic_daily order by all nulls first").fetchall()

    assert rows == [
        ("AI", date(2021, 4, 29), 1, None, 4.0),
        ("Z", None, 1, None, None),
        ("Z", date(2021, 4, 29), 1, None, 4.0),
    ]


def test_match_candidate_lists_each_pair_once_and_no_unowned_url(release: DuckDBPyConnection) -> None:
    add_article(release, 3, published_at=datetime(2021, 5, 1, 12), provider_key=8, title="three")
    spellings = [(1, "a"), (1, "a"), (1, "b"), (2, "c"), (3, "a"), (3, "b"), (None, "c")]
    for number, (article_key, loose_key) in enumerate(spellings):
        row = {"url_raw": str(number), "url_key": str(number), "own_key": number, "kind": "web", "first_seen_at": T[0]}
        put(release, "article_url", {**row, "article_key": article_key, "loose_key": loose_key})

    reason = "one address but for mobile and AMP forms, index pages, case and ambiguous parameters"
    assert release.execute("select * from match_candidate").fetchall() == [
        (1, 3, "a", "https://1", "https://3", "one", "three", "a.com", "b.com", 2.0, reason)
    ]


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_no_view_fans_out(release: DuckDBPyConnection, view: Any) -> None:
    add_article(release, 3)
    listed(release, (0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 2, 1))
    for number in (1, 2, 3):
        row = {"url_raw": str(number), "url_key": str(number), "own_key": number, "kind": "web", "first_seen_at": T[0]}
        put(release, "article_url", {**row, "article_key": number, "loose_key": "same"})
    key = ", ".join(view.primary_key)

    rows = release.execute(f"select count(*), count(distinct ({key})) from {view.name}").fetchone()

    assert rows is not None
    assert rows[0] == rows[1] > 0
