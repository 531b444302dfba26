"""When an article was mentioned, and what was said of it at each time."""

import random
from datetime import datetime, timedelta
from typing import Any

from duckdb import DuckDBPyConnection

from tests.ledgers import Row, T, make_work, put, select, surrogate_key

A = surrogate_key("a.com")


def mention(entry_id: int, start: datetime, end: datetime | None = None, **more: Any) -> dict[str, Any]:
    """Return a mention of article 1 by an entry over a span; the later entry number ranks better."""
    row = {
        "article_key": 1,
        "document_id": entry_id,
        "entry_id": entry_id,
        "position": 0,
        "mention_rank": 100 - entry_id,
    }
    return {**row, "valid_from": start, "valid_to": end, **more}


def history(connection: DuckDBPyConnection, mentions: list[dict[str, Any]], entries: list[dict[str, Any]]) -> list[Row]:
    """Return article_history for these mentions of these entries."""
    put(connection, "work.mention", *mentions)
    for number, entry in enumerate(entries, 1):
        put(connection, "ledger.entry", {"entry_id": number, **entry})
        put(connection, "work.used_entry", {"entry_id": number})
    for name in ("article_life", "article_entry", "article_value", "boundary", "moment_value"):
        make_work(connection, name)
    return select(connection, "history", "article_history")


def titles(rows: list[Row]) -> list[tuple[Any, ...]]:
    """Return valid_from, valid_to, is_current and title of each span."""
    return [row[1:5] for row in rows]


def test_an_article_lives_from_its_first_mention_until_the_last_ends(connection: DuckDBPyConnection) -> None:
    put(
        connection,
        "work.mention",
        mention(1, T[1], T[2]),
        mention(2, T[2]),
        mention(3, T[0], T[4], article_key=2),
        mention(4, T[1], T[3], article_key=2),
        mention(5, T[1], article_key=3),
        mention(6, T[1], article_key=3),
        mention(7, T[2], article_key=4),
        mention(8, T[1], article_key=4),
    )

    assert select(connection, "work", "article_life") == [
        (1, T[1], None, True, True),
        (2, T[0], T[4], False, True),
        (3, T[1], None, True, False),
        (4, T[1], None, True, True),
    ]


def test_an_article_that_never_changed_has_one_open_span(connection: DuckDBPyConnection) -> None:
    entry = {"title": "t", "provider_domain": "a.com", "quality": 3, "heat": None, "is_published": True}

    assert history(connection, [mention(1, T[0])], [entry]) == [(1, T[0], None, True, "t", A, 3, None, True)]


def test_a_change_ends_a_span_and_begins_another(connection: DuckDBPyConnection) -> None:
    rows = history(connection, [mention(1, T[0], T[1]), mention(2, T[1])], [{"title": "a"}, {"title": "b"}])

    assert titles(rows) == [(T[0], T[1], False, "a"), (T[1], None, True, "b")]


def test_every_column_can_end_a_span(connection: DuckDBPyConnection) -> None:
    changes: list[dict[str, Any]] = [
        {},
        {"title": "t"},
        {"title": "t", "provider_domain": "a.com"},
        {"title": "t", "provider_domain": "a.com", "quality": 1},
        {"title": "t", "provider_domain": "a.com", "quality": 1, "heat": 1},
        {"title": "t", "provider_domain": "a.com", "quality": 1, "heat": 1, "is_published": False},
    ]
    mentions = [mention(number, T[number], T[number + 1]) for number in range(1, 7)]

    rows = history(connection, mentions, changes)

    assert [row[1:3] for row in rows] == [(T[number], T[number + 1]) for number in range(1, 7)]


def test_a_change_that_changes_no_column_is_no_new_span(connection: DuckDBPyConnection) -> None:
    mentions = [mention(1, T[0], T[1]), mention(2, T[1], T[2]), mention(3, T[2])]
    entries = [{"title": "a", "excerpt": "x"}, {"title": "a", "excerpt": "y"}, {"title": "a"}]

    assert titles(history(connection, mentions, entries)) == [(T[0], None, True, "a")]


def test_a_gap_parts_spans_with_the_same_values(connection: DuckDBPyConnection) -> None:
    mentions = [mention(1, T[0], T[1]), mention(1, T[3], T[4])]

    rows = history(connection, mentions, [{"title": "a"}])

    assert titles(rows) == [(T[0], T[1], False, "a"), (T[3], T[4], False, "a")]


def test_a_return_to_an_earlier_state_is_a_span_again(connection: DuckDBPyConnection) -> None:
    mentions = [mention(1, T[0], T[1]), mention(2, T[1], T[2]), mention(1, T[2])]

    rows = history(connection, mentions, [{"title": "a"}, {"title": "b"}])

    assert [row[3] for row in titles(rows)] == ["a", "b", "a"]


def test_a_span_without_a_value_is_told_with_null(connection: DuckDBPyConnection) -> None:
    mentions = [mention(1, T[0], T[1]), mention(2, T[1], T[2]), mention(3, T[2])]

    rows = history(connection, mentions, [{"quality": 1}, {"quality": None}, {"quality": 1}])

    assert [row[6] for row in rows] == [1, None, 1]


def test_values_are_those_of_the_mentions_that_hold_then(connection: DuckDBPyConnection) -> None:
    mentions = [mention(1, T[0]), mention(2, T[1], T[3]), mention(3, T[2], T[4])]
    entries: list[dict[str, Any]] = [{"title": "one", "heat": 7}, {"title": "two"}, {"title": "x", "title_flaw": 1}]

    rows = history(connection, mentions, entries)

    assert titles(rows) == [(T[0], T[1], False, "one"), (T[1], T[3], False, "two"), (T[3], None, True, "one")]
    assert {row[7] for row in rows} == {7}


def test_quality_is_taken_among_those_with_images_then(connection: DuckDBPyConnection) -> None:
    picture = {"url": "p", "width": None, "height": None, "is_cached": None, "title": None, "attribution": None}
    mentions = [mention(1, T[0], T[2]), mention(2, T[1])]

    rows = history(connection, mentions, [{"quality": 10, "images": [picture]}, {"quality": 20}])

    assert [row[6] for row in rows] == [10, 20]
    assert [row[1] for row in rows] == [T[0], T[2]]


def test_many_mentions_over_many_moments_give_what_the_plain_rule_gives(connection: DuckDBPyConnection) -> None:
    """Spans of every length, up to hundreds of moments, so that blocks of every size take part."""
    chance = random.Random(3)
    titles_of: list[str | None] = [chance.choice("abc") if chance.random() < 0.7 else None for _ in range(150)]
    mentions = []
    for number in range(1, 151):
        start = chance.randrange(1500)
        end = start + round(2 ** chance.uniform(0, 10))
        last = T[0] + timedelta(hours=end) if end < 1500 else None
        mentions.append(mention(number, T[0] + timedelta(hours=start), last))

    rows = history(connection, mentions, [{"title": title} for title in titles_of])

    moments = sorted({moment for one in mentions for moment in (one["valid_from"], one["valid_to"]) if moment})
    assert len(moments) > 200
    told = {moment: [row[4] for row in rows if holds(row[1], row[2], moment)] for moment in moments}
    assert told == {moment: plain_title(mentions, titles_of, moment) for moment in moments}


def holds(start: datetime, end: datetime | None, moment: datetime) -> bool:
    return start <= moment and (end is None or moment < end)


def plain_title(mentions: list[dict[str, Any]], titles_of: list[str | None], moment: datetime) -> list[str | None]:
    """Return the title that the best-ranked mention of a moment has, in a list that is empty where there is none."""
    there = [one["entry_id"] for one in mentions if holds(one["valid_from"], one["valid_to"], moment)]
    titled = [titles_of[number - 1] for number in sorted(there, reverse=True) if titles_of[number - 1] is not None]
    return (titled or [None])[:1] if there else []
