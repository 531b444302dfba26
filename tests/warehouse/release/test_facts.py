"""Measures, mentions, bridges and the calendar."""

from datetime import date, datetime
from typing import Any

from duckdb import DuckDBPyConnection

from tests.ledgers import T, put, select, surrogate_key
from warehouse.sql_files import read_sql

BRIDGE_IMAGE = {"width": None, "height": None, "is_cached": None, "title": None, "attribution": None}


def mention(document_id: int, position: int, article_key: int, root: int, entry_id: int = 1) -> dict[str, Any]:
    """Return a row of work.current_mention."""
    return {
        "document_id": document_id,
        "position": position,
        "entry_id": entry_id,
        "article_key": article_key,
        "root_article_key": root,
    }


def value(article_key: int, **more: Any) -> dict[str, Any]:
    """Return a row of work.article_value."""
    return {"article_key": article_key, "mention_count": 0, "is_root": False, "is_withdrawn": False, **more}


def life(article_key: int, left_at: datetime | None = None) -> dict[str, Any]:
    """Return a row of work.article_life."""
    return {"article_key": article_key, "first_seen_at": T[0], "left_at": left_at, "is_current": left_at is None}


def test_counts_are_of_distinct_others(connection: DuckDBPyConnection) -> None:
    put(
        connection,
        "work.current_mention",
        *(mention(1, position, key, 10) for position, key in enumerate([10, 20, 20, 10, 30])),
        *(mention(2, position, key, 10) for position, key in enumerate([10, 30, 40])),
        *(mention(3, position, key, 20) for position, key in enumerate([20, 10, 40])),
    )
    put(connection, "work.article_value", *(value(key) for key in (10, 20, 30, 40, 50)))
    put(connection, "work.article_life", *(life(key) for key in (10, 20, 30, 40, 50)))

    found = select(connection, "facts", "fact_article", "article_key, related_count, cited_by_count")

    assert found == [(10, 3, 1), (20, 2, 1), (30, 0, 2), (40, 0, 2), (50, 0, 0)]


def test_fact_article_holds_measures_keys_and_counts(connection: DuckDBPyConnection) -> None:
    moment = datetime(2021, 4, 29, 23, 59, 59)
    images = [{"url": url, **BRIDGE_IMAGE} for url in ("1", "2", "1")]
    full = value(
        1, provider_domain="a.com", published_at=moment, quality=0, heat=7, is_published=False, mention_count=3
    )
    put(connection, "work.article_value", {**full, "images": images, "topics": ["x", "y", "x"]}, value(2))
    put(connection, "work.article_life", life(1), life(2, datetime(2024, 12, 31, 23, 59)))

    columns = "* exclude (related_count, cited_by_count)"
    assert select(connection, "facts", "fact_article", columns) == [
        (1, surrogate_key("a.com"), 20210429, 20240101, None, moment, 0, 7, False, 2, 2, 3),
        (2, None, None, 20240101, 20241231, None, None, None, None, 0, 0, 0),
    ]


def test_fact_mention_tells_what_each_mention_says(connection: DuckDBPyConnection) -> None:
    put(connection, "ledger.document", {"document_id": 5, "document_key": 50, "path": "a.md"})
    moment = datetime(1999, 12, 31)
    first = {"entry_id": 1, "provider_domain": "a.com", "published_at": moment, "quality": 9, "original_url": "o"}
    put(connection, "ledger.entry", {**first, "web_url": "w"}, {"entry_id": 2, "original_url": "o"})
    put(connection, "work.used_entry", {"entry_id": 1}, {"entry_id": 2})
    put(connection, "work.current_mention", mention(5, 0, 10, 10, 1), mention(5, 3, 20, 10, 2))

    assert select(connection, "facts", "fact_mention") == [
        (50, 0, "root", 10, 10, surrogate_key("a.com"), 19991231, 9, "w"),
        (50, 3, "related", 20, 10, None, None, None, "o"),
    ]


def test_mentions_of_an_article_lie_together_however_many_entries_earlier_versions_had(
    connection: DuckDBPyConnection,
) -> None:
    connection.execute("""
        insert into ledger.document (document_id, document_key, source, path)
        select range, hash(range) % 1000000, 'news', range::varchar from range(20000);
        insert into ledger.entry (entry_id, entry_digest, web_url) select range, '', range::varchar from range(20000);
        insert into work.used_entry (entry_id) select range from range(20000);
        insert into work.current_mention by name
        select range * 3 as document_id, 0 as position, range * 7 % 20000 as entry_id, hash(range) % 999 as article_key
        from range(6000)
    """)

    found = connection.execute(read_sql("facts", "fact_mention")).fetchall()

    keys = [(row[3], row[0], row[1]) for row in found]
    assert len(keys) == 6000
    assert keys == sorted(keys)


def test_current_mentions_are_those_of_open_versions(connection: DuckDBPyConnection) -> None:
    put(
        connection,
        "work.mention",
        {"document_id": 1, "position": 0, "entry_id": 1, "article_key": 10, "valid_from": T[0]},
        {"document_id": 1, "position": 2, "entry_id": 2, "article_key": 20, "valid_from": T[0]},
        {"document_id": 1, "position": 1, "entry_id": 3, "article_key": 30, "valid_from": T[0], "valid_to": T[1]},
        {"document_id": 2, "position": 0, "entry_id": 1, "article_key": 10, "valid_from": T[0], "valid_to": T[1]},
    )

    assert select(connection, "work", "current_mention") == [(1, 0, 1, 10, 10), (1, 2, 2, 20, 10)]


def test_bridges_hold_the_surviving_lists_once_each(connection: DuckDBPyConnection) -> None:
    images = [{"url": url, **BRIDGE_IMAGE} for url in ("b", "a", "b", "c")]
    put(
        connection,
        "work.article_value",
        value(1, topics=["y", "x", "y"], images=images),
        value(2, topics=[], images=[]),
    )

    assert select(connection, "facts", "bridge_article_topic", "article_key, topic_key") == sorted(
        [(1, surrogate_key("x")), (1, surrogate_key("y"))]
    )
    places = {surrogate_key("b"): 1, surrogate_key("a"): 2, surrogate_key("c"): 4}
    found = select(connection, "facts", "bridge_article_image", "image_key, position")
    assert dict((int(key), int(place)) for key, place in found) == places


def test_weights_of_topics_count_an_article_once(connection: DuckDBPyConnection) -> None:
    lists = [["y", "x", "y"], ["x"], ["x", "y", "z"], []]
    put(connection, "work.article_value", *(value(key, topics=topics) for key, topics in enumerate(lists)))

    found = select(connection, "facts", "bridge_article_topic", "article_key, weight")

    assert found == [(0, 1 / 2), (0, 1 / 2), (1, 1.0), (2, 1 / 3), (2, 1 / 3), (2, 1 / 3)]
    assert round(sum(weight for _, weight in found), 12) == 3


def test_dim_topic_holds_every_topic_of_any_version_with_its_case(connection: DuckDBPyConnection) -> None:
    put(connection, "ledger.entry", {"entry_id": 1, "topics": ["AI", "ai"]}, {"entry_id": 2, "topics": ["AI"]})
    put(connection, "ledger.entry", {"entry_id": 3, "topics": ["of no version"]})
    put(connection, "work.used_entry", {"entry_id": 1}, {"entry_id": 2})

    found = select(connection, "dimensions", "dim_topic", "topic, topic_key")

    assert found == [("AI", surrogate_key("AI")), ("ai", surrogate_key("ai"))]


def calendar(connection: DuckDBPyConnection, *moments: datetime) -> list[Any]:
    """Return dim_date for entries published at these moments."""
    for number, moment in enumerate(moments):
        put(connection, "ledger.entry", {"entry_id": number, "published_at": moment})
        put(connection, "work.used_entry", {"entry_id": number})
    return select(connection, "dimensions", "dim_date")


def test_the_calendar_spans_whole_years_without_a_gap(connection: DuckDBPyConnection) -> None:
    days = calendar(connection, datetime(2019, 12, 31, 23, 59), datetime(2021, 1, 1))

    assert len(days) == 365 + 366 + 365
    assert [row[1] for row in (days[0], days[-1])] == [date(2019, 1, 1), date(2021, 12, 31)]
    for key, day, year, quarter, month, month_name, *iso, number, weekday, day_name, is_weekend in days:
        assert key == int(f"{day:%Y%m%d}")
        assert (year, quarter, month, number) == (day.year, (day.month + 2) // 3, day.month, day.day)
        assert (month_name, day_name) == (f"{day:%B}", f"{day:%A}")
        assert (*iso, weekday) == day.isocalendar()
        assert is_weekend == (day.isoweekday() >= 6)


def test_the_calendar_holds_every_moment_at_which_a_document_changed(connection: DuckDBPyConnection) -> None:
    spans = [(datetime(2019, 5, 1), datetime(2022, 1, 1)), (datetime(2020, 1, 1), None)]
    for number, (start, end) in enumerate(spans):
        put(connection, "work.version", {"document_id": number, "valid_from": start, "valid_to": end})

    days = calendar(connection, datetime(2021, 6, 1))

    assert [row[1] for row in (days[0], days[-1])] == [date(2019, 1, 1), date(2022, 12, 31)]
    assert len(days) == 365 + 366 + 365 + 365


def test_without_a_date_the_calendar_is_empty(connection: DuckDBPyConnection) -> None:
    assert calendar(connection) == []
