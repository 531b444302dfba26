"""From URLs that mentions declare to articles and their keys."""

from typing import Any

from duckdb import DuckDBPyConnection

from tests.ledgers import Row, T, make_work, put, select, surrogate_key
from warehouse.release.work import close_over_aliases, judge_shared_aliases

WEB, ORIGINAL, AMP, AMP_CACHE = 1, 2, 3, 4


def declare(connection: DuckDBPyConnection, entry_id: int, *keys: str, **more: Any) -> None:
    """Let an entry declare url_keys, the first of them identifying; the domain is what stands before the slash."""
    for number, key in enumerate(keys):
        row = {
            "entry_id": entry_id,
            "url_id": spelling(connection, key, more.pop("display_url", f"https://{key}")),
            "url_key": key,
            "registrable_domain": key.partition("/")[0],
            "is_identifying": number == 0,
            "kind": number + 1,
        }
        put(connection, "work.entry_url", {**row, **more})


def spelling(connection: DuckDBPyConnection, key: str, display_url: str) -> int:
    """Return the row of ledger.url for https and this key, put there once."""
    url = {"url_raw": f"https://{key}", "url_key": key, "loose_key": key, "display_url": display_url}
    known = "select rowid from ledger.url where url_key = ? and display_url = ?"
    if not connection.execute(known, [key, display_url]).fetchall():
        put(connection, "ledger.url", url)
    return int(connection.execute(known, [key, display_url]).fetchall()[0][0])


def close(connection: DuckDBPyConnection) -> None:
    """Make the closure and the owners of keys from the URLs declared."""
    for name in ("declared_alias", "shared_alias", "alias_verdict"):
        make_work(connection, name)
    judge_shared_aliases(connection)
    make_work(connection, "alias_edge")
    make_work(connection, "tangled_edge")
    make_work(connection, "closure")
    close_over_aliases(connection)
    make_work(connection, "key_owner")


def owners(connection: DuckDBPyConnection) -> dict[str, str]:
    """Return for each owned url_key the natural key of its article."""
    close(connection)
    return dict(connection.execute("select url_key, article_url_key from work.key_owner").fetchall())


def test_web_url_identifies_else_original(connection: DuckDBPyConnection) -> None:
    put(connection, "ledger.entry", {"entry_id": 1, "web_url": "w", "original_url": "o", "amp_url": "a"})
    put(connection, "ledger.entry", {"entry_id": 2, "original_url": "o", "amp_cache_url": "c"})
    put(connection, "ledger.entry", {"entry_id": 3, "web_url": "w"})
    for raw in "woac":
        row = {"url_raw": raw, "url_key": raw.upper(), "loose_key": raw, "display_url": raw}
        put(connection, "ledger.url", row)
    put(connection, "work.used_entry", {"entry_id": 1, "first_seen_at": T[1]}, {"entry_id": 2, "first_seen_at": T[0]})

    found = select(connection, "work", "entry_url", "entry_id, kind, url_id, url_key, is_identifying, first_seen_at")

    assert found == [
        (1, WEB, 0, "W", True, T[1]),
        (1, ORIGINAL, 1, "O", False, T[1]),
        (1, AMP, 2, "A", False, T[1]),
        (2, ORIGINAL, 1, "O", True, T[0]),
        (2, AMP_CACHE, 3, "C", False, T[0]),
    ]


def test_declared_aliases_are_one_article_named_by_the_smallest_identifying_key(
    connection: DuckDBPyConnection,
) -> None:
    declare(connection, 1, "a.com/m/who-won", "a.com/amp")
    declare(connection, 2, "a.com/b/who-won", "a.com/amp")
    declare(connection, 3, "a.com/z/who-won")

    assert owners(connection) == {
        "a.com/amp": "a.com/b/who-won",
        "a.com/b/who-won": "a.com/b/who-won",
        "a.com/m/who-won": "a.com/b/who-won",
        "a.com/z/who-won": "a.com/z/who-won",
    }


def test_an_alias_that_is_smaller_does_not_name_the_article(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/story", "a.com/amp")

    assert owners(connection) == {"a.com/amp": "a.com/story", "a.com/story": "a.com/story"}


def test_the_closure_is_transitive(connection: DuckDBPyConnection) -> None:
    for number in range(50):
        declare(connection, number, f"a.com/x{number:02}/who-won", f"a.com/x{number + 1:02}/who-won")

    assert set(owners(connection).values()) == {"a.com/x00/who-won"}


def test_an_alias_on_another_domain_joins_nothing_and_is_unowned(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/story", "b.com/story")

    assert owners(connection) == {"a.com/story": "a.com/story"}


def test_an_alias_on_another_domain_that_identifies_a_mention_is_its_own_article(
    connection: DuckDBPyConnection,
) -> None:
    declare(connection, 1, "a.com/story", "b.com/story")
    declare(connection, 2, "b.com/story")

    assert owners(connection) == {"a.com/story": "a.com/story", "b.com/story": "b.com/story"}


def test_a_front_page_joins_nothing_from_either_side(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/story")
    declare(connection, 2, "a.com/other")
    for entry_id in (1, 2):
        declare(connection, entry_id, "a.com", is_identifying=False, is_front_page=True)
    declare(connection, 3, "b.com", is_front_page=True)
    declare(connection, 3, "b.com/story", is_identifying=False)

    found = owners(connection)

    assert found == {"a.com/story": "a.com/story", "a.com/other": "a.com/other", "b.com": "b.com"}


def test_no_registrable_domain_joins_nothing(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "10.0.0.1/a", "10.0.0.1/b", registrable_domain=None)

    assert owners(connection) == {"10.0.0.1/a": "10.0.0.1/a"}


def test_an_entry_speaks_of_the_article_that_owns_its_identifying_url(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/who-won", "a.com/amp/who-won")
    declare(connection, 2, "a.com/amp/who-won")
    close(connection)

    key = surrogate_key("a.com/amp/who-won")
    assert select(connection, "work", "entry_article") == [(1, key), (2, key)]


def article_urls(connection: DuckDBPyConnection) -> list[Row]:
    columns = "url_raw, url_key, article_key, own_key, kind, first_seen_at"
    return select(connection, "dimensions", "article_url", columns)


def test_article_url_holds_every_spelling_with_owner_own_key_and_first_kind(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/b", "a.com/amp/b", "b.com/x", first_seen_at=T[2])
    declare(connection, 2, "a.com/amp/b", first_seen_at=T[1])
    close(connection)

    amp, story, foreign = surrogate_key("a.com/amp/b"), surrogate_key("a.com/b"), surrogate_key("b.com/x")
    assert article_urls(connection) == [
        ("https://a.com/amp/b", "a.com/amp/b", amp, amp, "web", T[1]),
        ("https://a.com/b", "a.com/b", amp, story, "web", T[2]),
        ("https://b.com/x", "b.com/x", None, foreign, "amp", T[2]),
    ]


def test_an_alias_of_one_key_joins_whatever_it_is_called(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/story", "a.com/7", "a.com/amp")
    declare(connection, 2, "a.com/story", "a.com/7")

    assert set(owners(connection).values()) == {"a.com/story"}
    assert select(connection, "ops", "alias") == []


def test_a_shared_alias_parts_stories_is_unowned_and_told(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/2020/first-post", "a.com/live/today")
    declare(connection, 2, "a.com/2020/second-post", "a.com/live/today")

    assert owners(connection) == {key: key for key in ("a.com/2020/first-post", "a.com/2020/second-post")}
    assert [row[2] for row in article_urls(connection) if row[1] == "a.com/live/today"] == [None]
    columns = "url_key, declaring_key, is_joined, article_key, joined_count, example"
    example = "a.com/2020/first-post … a.com/2020/second-post"
    assert select(connection, "ops", "alias", columns) == [
        ("a.com/live/today", key, False, surrogate_key(key), 0, example)
        for key in ("a.com/2020/first-post", "a.com/2020/second-post")
    ]


def test_a_shared_alias_joins_spellings_of_one_story_and_no_other(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/us/who-won", "a.com/live/today")
    declare(connection, 2, "a.com/uk/who-won", "a.com/live/today")
    declare(connection, 3, "a.com/who-lost", "a.com/live/today")

    assert owners(connection) == {
        "a.com/live/today": "a.com/uk/who-won",
        "a.com/uk/who-won": "a.com/uk/who-won",
        "a.com/us/who-won": "a.com/uk/who-won",
        "a.com/who-lost": "a.com/who-lost",
    }
    assert select(connection, "ops", "alias", "declaring_key, is_joined, joined_count, reason") == [
        ("a.com/uk/who-won", True, 2, "shares the slug who-won with a.com/us/who-won"),
        ("a.com/us/who-won", True, 2, "shares the slug who-won with a.com/uk/who-won"),
        (
            "a.com/who-lost",
            False,
            2,
            "its last path segment shares no slug and no id with the alias or with others that declare it",
        ),
    ]


def test_two_stories_that_share_an_alias_are_each_joined_without_it(connection: DuckDBPyConnection) -> None:
    for number, key in enumerate(["us/who-won", "uk/who-won", "us/who-lost", "uk/who-lost"]):
        declare(connection, number, f"a.com/{key}", "a.com/live/today")

    found = owners(connection)

    assert found == {
        f"a.com/{place}/{slug}": f"a.com/uk/{slug}" for place in ("uk", "us") for slug in ("who-won", "who-lost")
    }


def test_an_alias_that_identifies_a_mention_is_shared_by_one_other_key(
    connection: DuckDBPyConnection,
) -> None:
    declare(connection, 1, "a.com/live/today/first-post", "a.com/live/today")
    declare(connection, 2, "a.com/live/today")

    assert owners(connection) == {key: key for key in ("a.com/live/today", "a.com/live/today/first-post")}
    assert select(connection, "ops", "alias", "declaring_key, is_joined") == [
        ("a.com/live/today", False),
        ("a.com/live/today/first-post", False),
    ]


def test_aliases_that_fail_by_domain_or_front_page_are_not_shared(connection: DuckDBPyConnection) -> None:
    for number in (1, 2):
        declare(connection, number, f"a.com/{number}", "b.com/x")
        declare(connection, number, "a.com", is_identifying=False, is_front_page=True)
    close(connection)

    assert select(connection, "ops", "alias") == []


def chosen_url(connection: DuckDBPyConnection, *ranks: tuple[int, int]) -> str:
    """Return the URL shown of the only article, given the rank of each entry."""
    close(connection)
    ((key,),) = connection.execute("select distinct article_key from work.key_owner").fetchall()
    for entry_id, rank in ranks:
        put(connection, "work.article_entry", {"article_key": key, "entry_id": entry_id, "mention_rank": rank})
    make_work(connection, "entry_shown_url")
    ((_, url),) = select(connection, "work", "article_url_choice")
    return str(url)


def test_the_url_shown_is_that_of_the_best_mention(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/x", display_url="https://a.com/worse")
    declare(connection, 2, "a.com/x", display_url="https://a.com/better")

    assert chosen_url(connection, (1, 20), (2, 10)) == "https://a.com/better"


def test_the_url_shown_is_no_amp_form_where_another_is_known(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/amp", is_amp=True)
    declare(connection, 1, "a.com/web", is_identifying=False, kind=ORIGINAL)
    declare(connection, 2, "a.com/amp", is_amp=True)

    assert chosen_url(connection, (1, 20), (2, 10)) == "https://a.com/web"


def test_the_url_shown_is_an_amp_form_where_no_other_is_known(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/amp", is_amp=True)

    assert chosen_url(connection, (1, 10)) == "https://a.com/amp"


def test_of_one_mention_the_web_url_is_shown_before_the_original(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/web", "a.com/original", "a.com/amp")

    assert chosen_url(connection, (1, 10)) == "https://a.com/web"


def test_the_url_of_another_article_is_never_shown(connection: DuckDBPyConnection) -> None:
    declare(connection, 1, "a.com/amp", is_amp=True)
    declare(connection, 1, "b.com/web", is_identifying=False, kind=ORIGINAL)

    assert chosen_url(connection, (1, 10)) == "https://a.com/amp"
