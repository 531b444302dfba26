"""Which value of an article survives, and which are told as conflicts."""

from typing import Any

import pytest
from duckdb import DuckDBPyConnection

from tests.ledgers import Row, T, make_work, put, select, surrogate_key

ARTICLE = 1


def image(url: str, **more: Any) -> dict[str, Any]:
    """Return an image as the ledger keeps it."""
    empty = dict.fromkeys(("width", "height", "is_cached", "title", "attribution"))
    return {"url": url, **empty, **more}


def say(connection: DuckDBPyConnection, *entries: dict[str, Any], article: int = ARTICLE) -> None:
    """Let entries, best-ranked first, speak of one article in current mentions."""
    (taken,) = connection.execute("select count(*) from ledger.entry").fetchone() or (0,)
    for number, entry in enumerate(entries, int(taken) + 1):
        mention: dict[str, Any] = {name: entry[name] for name in ("is_root", "mention_count") if name in entry}
        values = {name: value for name, value in entry.items() if name not in mention}
        put(connection, "ledger.entry", {"entry_id": number, **values})
        row = {"article_key": article, "entry_id": number, "mention_rank": number * 10}
        put(connection, "work.article_entry", {**row, "is_root": False, "mention_count": 1, **mention})


def survivor(connection: DuckDBPyConnection, column: str) -> Any:
    """Return the surviving value of the one article."""
    ((value,),) = select(connection, "work", "article_value", column)
    return value


@pytest.mark.parametrize(
    "column",
    ["title", "excerpt", "category", "content_type", "locale", "featured_content", "provider_domain"],
)
def test_the_best_ranked_text_survives_and_null_never_beats_it(connection: DuckDBPyConnection, column: str) -> None:
    say(connection, {column: None}, {column: "better"}, {column: "worse"})

    assert survivor(connection, column) == "better"


@pytest.mark.parametrize(
    ("column", "values"), [("heat", (5, 90)), ("quality", (5, 90)), ("is_published", (False, True))]
)
def test_the_best_ranked_measure_survives_and_null_never_beats_it(
    connection: DuckDBPyConnection, column: str, values: tuple[Any, Any]
) -> None:
    say(connection, {column: None}, {column: values[0]}, {column: values[1]})

    assert survivor(connection, column) == values[0]


@pytest.mark.parametrize("flaw", [1, 2])
@pytest.mark.parametrize("column", ["title", "excerpt"])
def test_garbled_text_loses_to_clean_text(connection: DuckDBPyConnection, column: str, flaw: int) -> None:
    say(connection, {column: "garbled", f"{column}_flaw": flaw}, {column: "clean"})

    assert survivor(connection, column) == "clean"


def test_a_garbled_title_is_better_than_none_and_the_better_ranked_of_two_wins(connection: DuckDBPyConnection) -> None:
    say(connection, {"title": None}, {"title": "one", "title_flaw": 1}, {"title": "two", "title_flaw": 2})

    assert survivor(connection, "title") == "one"


def test_a_placeholder_is_no_excerpt(connection: DuckDBPyConnection) -> None:
    say(connection, {"excerpt": "NA", "excerpt_flaw": 2})

    assert survivor(connection, "excerpt") is None


def test_lists_survive_whole_and_empty_ones_do_not_count(connection: DuckDBPyConnection) -> None:
    say(
        connection,
        {"topics": [], "provider_authors": None, "images": []},
        {"topics": ["b", "a"], "provider_authors": ["X", "Y"], "images": [image("1"), image("2")]},
        {"topics": ["c"], "provider_authors": ["Z"], "images": [image("3")]},
    )

    assert survivor(connection, "topics") == ["b", "a"]
    assert survivor(connection, "authors") == ["X", "Y"]
    assert [one["url"] for one in survivor(connection, "images")] == ["1", "2"]


def test_quality_is_taken_among_the_mentions_with_images(connection: DuckDBPyConnection) -> None:
    say(connection, {"quality": 10}, {"quality": None, "images": [image("1")]}, {"quality": 30, "images": [image("2")]})

    assert survivor(connection, "quality") == 30


def test_quality_is_taken_among_all_where_none_with_images_has_one(connection: DuckDBPyConnection) -> None:
    say(connection, {"quality": None}, {"quality": 20}, {"images": [image("1")]})

    assert survivor(connection, "quality") == 20


def test_the_earliest_publication_survives(connection: DuckDBPyConnection) -> None:
    say(connection, {"published_at": None}, {"published_at": T[2]}, {"published_at": T[1]})

    assert survivor(connection, "published_at") == T[1]


def test_only_a_root_makes_an_article_root_and_withdrawn(connection: DuckDBPyConnection) -> None:
    say(connection, {"is_root": True}, {"is_root": False, "is_removed": True}, article=1)
    say(connection, {"is_root": False}, {"is_root": True, "is_removed": True}, article=2)
    say(connection, {"is_removed": False}, article=3)

    found = select(connection, "work", "article_value", "article_key, is_root, is_withdrawn")

    assert found == [(1, True, False), (2, True, True), (3, False, False)]


def test_mentions_are_counted(connection: DuckDBPyConnection) -> None:
    say(connection, {"mention_count": 2}, {"mention_count": 3})

    assert survivor(connection, "mention_count") == 5


def test_current_mentions_count_else_those_that_ended_last(connection: DuckDBPyConnection) -> None:
    spans = [
        {"article_key": 1, "entry_id": 1, "position": 0, "mention_rank": 4, "valid_from": T[0], "valid_to": T[1]},
        {"article_key": 1, "entry_id": 2, "position": 0, "mention_rank": 3, "valid_from": T[1]},
        {"article_key": 1, "entry_id": 2, "position": 5, "mention_rank": 9, "valid_from": T[1]},
        {"article_key": 2, "entry_id": 3, "position": 0, "mention_rank": 4, "valid_from": T[0], "valid_to": T[1]},
        {"article_key": 2, "entry_id": 4, "position": 1, "mention_rank": 8, "valid_from": T[0], "valid_to": T[2]},
        {"article_key": 2, "entry_id": 5, "position": 0, "mention_rank": 7, "valid_from": T[1], "valid_to": T[2]},
    ]
    put(connection, "work.mention", *spans)
    make_work(connection, "article_life")

    assert select(
        connection, "work", "article_entry", "article_key, entry_id, mention_rank, is_root, mention_count"
    ) == [
        (1, 2, 3, True, 2),
        (2, 4, 8, False, 0),
        (2, 5, 7, True, 0),
    ]


def conflicts(connection: DuckDBPyConnection) -> list[Row]:
    """Return field, kept, other and count of the conflicts of the one article."""
    told = "select entry_id from work.article_entry where entry_id not in (select entry_id from work.entry_shown_url)"
    for (entry_id,) in connection.execute(told).fetchall():
        put(connection, "work.entry_shown_url", {"article_key": ARTICLE, "entry_id": entry_id, "url": "https://a.com"})
    make_work(connection, "article_value")
    put(connection, "work.article_url_choice", {"article_key": ARTICLE, "url": "https://a.com"})
    return select(connection, "dimensions", "article_conflict", "field, kept, other, mention_count")


def test_every_other_value_of_a_current_mention_is_a_conflict(connection: DuckDBPyConnection) -> None:
    say(
        connection,
        {"title": "kept", "quality": 1, "heat": 5, "is_published": True, "provider_domain": "a.com"},
        {"title": "lost", "quality": 2, "heat": 5, "is_published": False, "mention_count": 4},
        {"title": "lost", "provider_domain": "b.com", "category": "only here"},
    )

    assert conflicts(connection) == [
        ("is_published", "true", "false", 4),
        ("provider", "a.com", "b.com", 1),
        ("quality", "1", "2", 4),
        ("title", "kept", "lost", 5),
    ]


def test_conflicts_in_times_and_lists_are_told_as_text(connection: DuckDBPyConnection) -> None:
    fine = T[1].replace(microsecond=5)
    say(
        connection,
        {
            "published_at": fine,
            "updated_at": T[0],
            "topics": ["a", "b"],
            "images": [image("1")],
            "provider_authors": ["X"],
        },
        {"published_at": T[1], "updated_at": T[2], "topics": ["b"], "images": [image("2")], "provider_authors": ["Y"]},
        {"topics": [], "images": [image("1", width=9)], "provider_authors": []},
    )

    assert conflicts(connection) == [
        ("authors", '["X"]', '["Y"]', 1),
        ("images", '["1"]', '["2"]', 1),
        ("published_at", "2024-01-02T00:00:00Z", "2024-01-02T00:00:00.000005Z", 1),
        ("topics", '["a","b"]', '["b"]', 1),
        ("updated_at", "2024-01-01T00:00:00Z", "2024-01-03T00:00:00Z", 1),
    ]


def test_other_texts_and_addresses_conflict_but_no_placeholder(connection: DuckDBPyConnection) -> None:
    say(
        connection,
        {"excerpt": "real", "locale": "en", "content_type": "article", "featured_content": "<a>"},
        {"excerpt": "NA", "excerpt_flaw": 2, "locale": "de", "content_type": "video", "featured_content": "<b>"},
        {"excerpt": "garbled", "excerpt_flaw": 1},
    )
    put(connection, "work.entry_shown_url", {"article_key": ARTICLE, "entry_id": 2, "url": "https://a.com/2"})

    assert conflicts(connection) == [
        ("content_type", "article", "video", 1),
        ("excerpt", "real", "garbled", 1),
        ("featured_content", "<a>", "<b>", 1),
        ("locale", "en", "de", 1),
        ("url", "https://a.com", "https://a.com/2", 1),
    ]


def test_one_entry_alone_conflicts_with_nothing(connection: DuckDBPyConnection) -> None:
    say(connection, {"title": "garbled", "title_flaw": 1, "topics": ["a"], "mention_count": 5})

    assert conflicts(connection) == []


def test_a_departed_article_has_no_conflicts(connection: DuckDBPyConnection) -> None:
    say(connection, {"title": "one", "mention_count": 0}, {"title": "two", "mention_count": 0})

    assert conflicts(connection) == []


def use(connection: DuckDBPyConnection, *entries: dict[str, Any]) -> None:
    """Let versions hold entries, best-ranked first; `last_at` marks one that only older versions hold."""
    for number, entry in enumerate(entries, 1):
        own = {name: entry[name] for name in ("article_key", "last_at", "latest_at") if name in entry}
        values = {name: value for name, value in entry.items() if name not in own}
        put(connection, "ledger.entry", {"entry_id": number, **values})
        put(connection, "work.entry_article", {"entry_id": number, "article_key": own.get("article_key", number)})
        row = {"entry_id": number, "latest_at": own.get("latest_at", T[0]), "best_rank": number * 10}
        put(connection, "work.used_entry", {**row, "last_at": own.get("last_at", "infinity")})


def name_of(connection: DuckDBPyConnection, domain: str = "a.com") -> str | None:
    """Return the name of the provider."""
    names: dict[str, str | None] = dict(select(connection, "dimensions", "dim_provider", "domain, name"))
    return names[domain]


def named(name: str | None, flaw: int = 0, **more: Any) -> dict[str, Any]:
    """Return an entry of the provider a.com."""
    return {"provider_domain": "a.com", "provider_name": name, "provider_name_flaw": flaw, **more}


def test_a_provider_has_its_cleanest_name(connection: DuckDBPyConnection) -> None:
    use(connection, named("bad", 1), named("bad", 1), named("good"), named(None))

    assert name_of(connection) == "good"


def test_then_the_most_frequent_over_articles(connection: DuckDBPyConnection) -> None:
    use(
        connection,
        *(named("often of one article", article_key=7, latest_at=T[5]) for _ in range(3)),
        *(named("of two articles", article_key=key) for key in (8, 9)),
    )

    assert name_of(connection) == "of two articles"


def test_then_the_latest(connection: DuckDBPyConnection) -> None:
    use(connection, named("old", latest_at=T[1]), named("new", latest_at=T[2]))

    assert name_of(connection) == "new"


def test_a_provider_is_described_by_current_versions_where_there_are_any(connection: DuckDBPyConnection) -> None:
    old = [named("old", last_at=T[4], provider_logo_url="old.png") for _ in range(3)]
    use(connection, *old, named("new", provider_logo_url=None), named("new", provider_logo_url="new.png"))

    assert select(connection, "dimensions", "dim_provider") == [(surrogate_key("a.com"), "a.com", "new", "new.png")]


def test_a_provider_that_only_older_versions_named_keeps_its_row(connection: DuckDBPyConnection) -> None:
    use(connection, named("older", last_at=T[3]), named("last", last_at=T[4]))

    assert name_of(connection) == "last"


def test_a_provider_that_has_no_name_has_a_row(connection: DuckDBPyConnection) -> None:
    use(connection, named(None))

    assert name_of(connection) is None


def images(connection: DuckDBPyConnection) -> list[Row]:
    """Return url, sizes and captions of all images."""
    columns = "url, width, height, is_cached, title, attribution"
    return select(connection, "dimensions", "dim_image", columns)


def test_image_facts_are_the_best_ranked_that_are_not_null(connection: DuckDBPyConnection) -> None:
    use(
        connection,
        {"images": [image("1", width=None, height=20)]},
        {"images": [image("1", width=30, height=30, is_cached=True, title="t", attribution="by")]},
        {"images": None},
    )

    assert images(connection) == [("1", 30, 20, True, "t", "by")]


def test_image_facts_are_those_of_current_versions(connection: DuckDBPyConnection) -> None:
    use(connection, {"images": [image("1", width=10)], "last_at": T[4]}, {"images": [image("1", width=20)]})
    (departed,) = [image("2", width=7)]
    put(connection, "ledger.entry", {"entry_id": 9, "images": [departed]})
    put(connection, "work.used_entry", {"entry_id": 9, "last_at": T[3], "best_rank": 1})

    assert [row[:2] for row in images(connection)] == [("1", 20), ("2", 7)]


def test_an_image_that_stands_twice_in_a_list_has_the_facts_of_its_first_place(connection: DuckDBPyConnection) -> None:
    use(connection, {"images": [image("1", width=10), image("1", width=20), image("1", width=5)]})

    assert [row[:2] for row in images(connection)] == [("1", 10)]
