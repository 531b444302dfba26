"""What a release shows otherwise than the one before it, kind by kind, and when there is nothing to compare with."""

from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.documents import make_document, make_mention
from tests.ledgers import surrogate_key
from tests.newsroom import Newsroom
from warehouse.home import Home
from warehouse.release import changes
from warehouse.upkeep.operations import build_as_of, rollback
from warehouse.upkeep.takedown import purge

SITE = "https://example.com"


def key(name: str) -> int:
    """Return the key of the article of that name."""
    return surrogate_key(f"example.com/{name}")


def story(newsroom: Newsroom, path: str, name: str, *related: dict[str, Any], **fields: Any) -> None:
    """Write a document of an article."""
    title = fields.pop("title", name)
    newsroom.write(path, make_document(title, f"{SITE}/{name}", related, **fields), is_settled=False)


def mention(name: str, **fields: Any) -> dict[str, Any]:
    """Return a mention of an article."""
    return make_mention(fields.pop("title", name), f"{SITE}/{name}", **fields)


def told(newsroom: Newsroom) -> list[tuple[Any, ...]]:
    """Return the rows of ops.release_change, but for the times of documents."""
    rows = newsroom.query("select * from ops.release_change where field <> 'document_changed_at'")
    assert newsroom.one("select uncompared_reason from ops.release") is None
    return rows


def reason(newsroom: Newsroom) -> Any:
    """Return why nothing was compared; the table is empty then."""
    assert newsroom.query("from ops.release_change") == []
    ((previous, told_reason),) = newsroom.query("select previous_release_id, uncompared_reason from ops.release")
    assert previous is None
    return told_reason


def test_values_that_differ_are_told_by_kind(newsroom: Newsroom) -> None:
    story(newsroom, "a.md", "a", quality=5, published=False, topics=["x", "y"], publishedDateTime="2021-01-01")
    newsroom.run()
    first = newsroom.one("select release_id from ops.release")
    newer = {"quality": 6, "heat": 3, "published": True, "topics": ["y"], "publishedDateTime": "2021-01-02T01:00:00Z"}
    story(newsroom, "a.md", "a", title="A!", excerpt="More.", removed=True, **newer)
    newsroom.run()

    assert newsroom.one("select previous_release_id from ops.release") == first
    assert [row[1:] for row in newsroom.query("from ops.release_change")] == [
        ("document", "document_changed_at", "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"),
        ("headline", "title", "a", "A!"),
        ("other", "excerpt", None, "More."),
        ("other", "topics", "x, y", "y"),
        ("published", "is_published", "false", "true"),
        ("published", "is_withdrawn", "false", "true"),
        ("published", "published_at", "2021-01-01T00:00:00Z", "2021-01-02T01:00:00Z"),
        ("score", "heat", None, "3"),
        ("score", "quality", "5", "6"),
    ]
    assert {row[0] for row in newsroom.query("from ops.release_change")} == {key("a")}


def test_articles_come_leave_and_come_back(newsroom: Newsroom) -> None:
    story(newsroom, "a.md", "a", mention("b"), mention("c"))
    newsroom.run()
    story(newsroom, "a.md", "a", mention("c"), mention("d"))
    newsroom.run()
    assert sorted(told(newsroom)) == sorted(
        [(key("b"), "departed", "title", "b", None), (key("d"), "added", "title", None, "d")]
    )

    story(newsroom, "a.md", "a", mention("b"), mention("c"), mention("d"))
    newsroom.run()
    assert told(newsroom) == [(key("b"), "returned", "title", None, "b")]


def test_an_article_gets_and_loses_a_document_of_its_own(newsroom: Newsroom) -> None:
    story(newsroom, "a.md", "a", mention("b"))
    newsroom.run()
    story(newsroom, "b.md", "b")
    newsroom.run()
    assert told(newsroom) == [(key("b"), "document", "document_count", "0", "1")]

    newsroom.remove("b.md")
    newsroom.run(allow_shrink=True)
    assert told(newsroom) == [(key("b"), "document", "document_count", "1", "0")]


# Two addresses of one story: an alias joins them by the slug that they share.
ONE, OTHER, THIRD = "b/council-votes-budget", "c/council-votes-budget", "a/council-votes-budget"


def test_a_key_that_was_merged_leads_to_the_article_that_has_it(newsroom: Newsroom) -> None:
    story(newsroom, "a.md", "a", mention(ONE), mention(OTHER))
    newsroom.run()
    story(newsroom, "a.md", "a", mention(ONE), mention(OTHER, originalUrl=f"{SITE}/{ONE}"))
    newsroom.run()

    assert (key(ONE), "merged", "article_key", str(key(OTHER)), str(key(ONE))) in told(newsroom)
    assert {row[1] for row in told(newsroom)} <= {"merged", "headline", "other"}


def test_articles_merged_into_a_new_key_are_both_led_there_and_none_is_added(newsroom: Newsroom) -> None:
    story(newsroom, "a.md", "a", mention(ONE), mention(OTHER))
    newsroom.run()
    joined = mention(THIRD, originalUrl=f"{SITE}/{ONE}", ampWebUrl=f"{SITE}/{OTHER}")
    story(newsroom, "a.md", "a", mention(ONE), mention(OTHER), joined)
    newsroom.run()

    followed = [row for row in told(newsroom) if row[2] == "article_key"]
    assert sorted(followed) == sorted(
        (key(THIRD), "merged", "article_key", str(key(name)), str(key(THIRD))) for name in (ONE, OTHER)
    )
    assert not {row[1] for row in told(newsroom)} & {"added", "departed", "returned"}


def test_a_key_that_only_became_another_is_the_same_article(newsroom: Newsroom) -> None:
    """A smaller URL was found: nothing merged, but who saved the key finds the article by it."""
    story(newsroom, "a.md", "a", mention(OTHER, title="z"))
    newsroom.run()
    smaller = mention(ONE, title="z", originalUrl=f"{SITE}/{OTHER}")
    story(newsroom, "a.md", "a", mention(OTHER, title="z"), smaller)
    newsroom.run()

    assert [row for row in told(newsroom) if row[2] == "article_key"] == [
        (key(ONE), "other", "article_key", str(key(OTHER)), str(key(ONE)))
    ]
    assert not {row[1] for row in told(newsroom)} & {"added", "departed", "merged"}


def test_a_part_that_is_an_article_of_its_own_now_is_split(newsroom: Newsroom) -> None:
    """A second day of one slug shows that the alias is of several stories: nobody can tell which is the undated one."""
    amp = {"ampWebUrl": f"{SITE}/amp/morning-briefing"}
    dated, undated = "2020/05/08/morning-briefing", "morning-briefing"
    story(newsroom, "a.md", "a", mention(dated, **amp), mention(undated, **amp))
    newsroom.run()
    assert newsroom.one("select count(*) from dim_article") == 2
    next_day = mention("2020/05/09/morning-briefing", **amp)
    story(newsroom, "a.md", "a", mention(dated, **amp), mention(undated, **amp), next_day)
    newsroom.run()

    assert newsroom.one("select count(*) from dim_article") == 4
    rows = told(newsroom)
    assert (key(undated), "split", "article_key", str(key(dated)), str(key(undated))) in rows
    assert not {row[1] for row in rows if row[0] == key(undated)} & {"added", "returned"}


def compare(connection: duckdb.DuckDBPyConnection, before: Path, after: Path, folder: Path) -> list[tuple[Any, ...]]:
    """Return what `after` shows otherwise than `before`, by the statement that a build runs."""
    from warehouse.sql_files import define_macros, read_sql

    connection.execute(f"attach '{before}' as before (read_only)")
    connection.execute(f"attach '{after}' as after (read_only)")
    define_macros(connection)
    return connection.execute(read_sql("ops", "release_change")).fetchall()


def test_two_builds_tell_the_same(newsroom: Newsroom) -> None:
    story(newsroom, "a.md", "a", *(mention(name) for name in "bcdefgh"))
    newsroom.run()
    before = newsroom.warehouse.resolve()
    story(newsroom, "a.md", "a", *(mention(name, quality=3) for name in "cdefghij"))
    newsroom.run()
    rows = newsroom.query("from ops.release_change")

    with duckdb.connect(":memory:", config={"threads": 4}) as connection:
        assert compare(connection, before, newsroom.warehouse.resolve(), before.parent) == rows
    assert len(rows) > 8


@pytest.fixture(scope="module")
def _twice(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A warehouse of two releases, and a change that the next run finds; only to be copied."""
    newsroom = Newsroom.below(tmp_path_factory.mktemp("twice"))
    story(newsroom, "a.md", "a", mention("b"), mention("secret"))
    newsroom.run()
    assert reason(newsroom) == changes.FIRST_LOAD
    story(newsroom, "a.md", "a", mention("b", title="B"), mention("secret", quality=9))
    newsroom.run()
    assert told(newsroom) != []
    story(newsroom, "a.md", "a", mention("c"), mention("secret", quality=9))
    return newsroom


@pytest.fixture
def twice(_twice: Newsroom, tmp_path: Path) -> Newsroom:
    """Give a copy of it."""
    return _twice.copy(tmp_path)


def test_after_a_takedown_nothing_is_compared_and_nothing_of_it_is_left(twice: Newsroom) -> None:
    purge(twice.warehouse, url=f"{SITE}/secret")
    assert reason(twice) == changes.TAKEDOWN

    twice.run()
    assert not [row for row in told(twice) if "secret" in str(row)]
    kept = list(twice.warehouse.parent.rglob("news.duckdb"))
    assert len(kept) >= 2
    assert not any(b"example.com/secret" in file.read_bytes() for file in kept)


@pytest.mark.slow
def test_a_release_of_other_versions_is_not_compared_with(twice: Newsroom) -> None:
    with ledger(twice) as connection:
        connection.execute("update ledger.release set contract_version = contract_version - 1")
    twice.run()
    assert reason(twice) == changes.OTHER_VERSIONS


@pytest.mark.slow
def test_a_release_that_was_touched_is_not_compared_with(twice: Newsroom) -> None:
    file = twice.warehouse.resolve()
    file.chmod(0o644)
    with file.open("ab") as stream:
        stream.write(b"x")
    twice.run()
    assert reason(twice) == changes.NOT_AS_PUBLISHED


def test_a_release_that_the_ledger_does_not_know_is_not_compared_with(twice: Newsroom) -> None:
    with ledger(twice) as connection:
        connection.execute("delete from ledger.release")
    twice.run()
    assert reason(twice) == changes.NOT_AS_PUBLISHED


def test_a_release_that_cannot_be_read_after_all_is_told_and_the_run_goes_on(
    twice: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = twice.warehouse.resolve()
    file.chmod(0o644)
    content = bytearray(file.read_bytes())
    content[4096 * 3 :] = bytes(len(content) - 4096 * 3)
    file.write_bytes(content)
    monkeypatch.setattr("warehouse.release.publish.is_untouched", lambda *_: True)

    assert twice.run().published
    assert reason(twice) == changes.UNREADABLE


def test_a_release_of_another_time_is_compared_with_none(twice: Newsroom, tmp_path: Path) -> None:
    build_as_of(twice.warehouse, twice.next_as_of, tmp_path / "then.duckdb")
    with duckdb.connect(tmp_path / "then.duckdb", read_only=True) as connection:
        told_reason = connection.execute("select uncompared_reason from ops.release").fetchall()
        assert connection.execute("from ops.release_change").fetchall() == []
    assert told_reason == [(changes.AS_OF,)]


def test_after_a_rollback_the_release_that_readers_see_is_compared_with(twice: Newsroom) -> None:
    shown = rollback(twice.warehouse)
    twice.run()
    assert twice.one("select previous_release_id from ops.release") == shown
    assert (key("secret"), "score", "quality", None, "9") in told(twice)


def ledger(newsroom: Newsroom) -> duckdb.DuckDBPyConnection:
    """Open the warehouse's ledger for writing."""
    connection = duckdb.connect(":memory:")
    connection.execute(f"attach '{Home.of(newsroom.warehouse).ledger}' as ledger")
    return connection
