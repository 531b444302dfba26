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


# Two addresses of one story: an alias joins them by the slug that they share.
ONE, OTHER = "b/council-votes-budget", "c/council-votes-budget"
LEFT, RIGHT, NEW = "b/mayor-opens-bridge", "c/mayor-opens-bridge", "a/mayor-opens-bridge"
SMALLER, LARGER = "b/river-bursts-banks", "c/river-bursts-banks"
AMP = {"ampWebUrl": f"{SITE}/amp/morning-briefing"}
DATED, UNDATED, NEXT_DAY = "2020/05/08/morning-briefing", "morning-briefing", "2020/05/09/morning-briefing"


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three releases of a newsroom in which each test has documents of its own; only to be read."""
    newsroom = Newsroom.below(tmp_path_factory.mktemp("lived"))

    def release() -> Path:
        return Path(str(newsroom.run().release))

    story(newsroom, "v.md", "v", quality=5, published=False, topics=["x", "y"], publishedDateTime="2021-01-01")
    story(newsroom, "come.md", "come", mention("come/b"), mention("come/c"))
    story(newsroom, "own.md", "own", mention("own/b"))
    story(newsroom, "merged.md", "merged", mention(ONE), mention(OTHER))
    story(newsroom, "joined.md", "joined", mention(LEFT), mention(RIGHT))
    story(newsroom, "smaller.md", "smaller", mention(LARGER, title="z"))
    story(newsroom, "split.md", "split", mention(DATED, **AMP), mention(UNDATED, **AMP))
    made = [release()]

    newer = {"quality": 6, "heat": 3, "published": True, "topics": ["y"], "publishedDateTime": "2021-01-02T01:00:00Z"}
    story(newsroom, "v.md", "v", title="V!", excerpt="More.", removed=True, **newer)
    story(newsroom, "come.md", "come", mention("come/c"), mention("come/d"))
    story(newsroom, "b.md", "own/b")
    story(newsroom, "merged.md", "merged", mention(ONE), mention(OTHER, originalUrl=f"{SITE}/{ONE}"))
    joined = mention(NEW, originalUrl=f"{SITE}/{LEFT}", ampWebUrl=f"{SITE}/{RIGHT}")
    story(newsroom, "joined.md", "joined", mention(LEFT), mention(RIGHT), joined)
    smaller = mention(SMALLER, title="z", originalUrl=f"{SITE}/{LARGER}")
    story(newsroom, "smaller.md", "smaller", mention(LARGER, title="z"), smaller)
    story(newsroom, "split.md", "split", *(mention(name, **AMP) for name in (DATED, UNDATED, NEXT_DAY)))
    made.append(release())

    story(newsroom, "come.md", "come", mention("come/b"), mention("come/c"), mention("come/d"))
    newsroom.remove("b.md")
    return [*made, release()]


def ask(release: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask a release."""
    with duckdb.connect(release, read_only=True) as connection:
        return connection.execute(sql).fetchall()


def changed(release: Path, *names: str) -> list[tuple[Any, ...]]:
    """Return the rows of ops.release_change of the articles of these names, but for the times of documents."""
    assert ask(release, "select uncompared_reason from ops.release") == [(None,)]
    rows = ask(release, "select * from ops.release_change where field <> 'document_changed_at'")
    return [row for row in rows if row[0] in map(key, names)]


def test_values_that_differ_are_told_by_kind(releases: list[Path]) -> None:
    first, second, _ = releases
    ((previous,),) = ask(second, "select previous_release_id from ops.release")
    assert [(previous,)] == ask(first, "select release_id from ops.release")
    rows = ask(second, f"select * exclude article_key from ops.release_change where article_key = {key('v')}")
    assert rows == [
        ("document", "document_changed_at", "2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"),
        ("headline", "title", "v", "V!"),
        ("other", "excerpt", None, "More."),
        ("other", "topics", "x, y", "y"),
        ("published", "is_published", "false", "true"),
        ("published", "is_withdrawn", "false", "true"),
        ("published", "published_at", "2021-01-01T00:00:00Z", "2021-01-02T01:00:00Z"),
        ("score", "heat", None, "3"),
        ("score", "quality", "5", "6"),
    ]


def test_articles_come_leave_and_come_back(releases: list[Path]) -> None:
    names = ("come", "come/b", "come/c", "come/d")
    assert sorted(changed(releases[1], *names)) == sorted(
        [(key("come/b"), "departed", "title", "come/b", None), (key("come/d"), "added", "title", None, "come/d")]
    )
    assert changed(releases[2], *names) == [(key("come/b"), "returned", "title", None, "come/b")]


def test_an_article_gets_and_loses_a_document_of_its_own(releases: list[Path]) -> None:
    gets, loses = ([(key("own/b"), "document", "document_count", *counts)] for counts in (("0", "1"), ("1", "0")))
    assert changed(releases[1], "own", "own/b") == gets
    assert changed(releases[2], "own", "own/b") == loses


def test_a_release_tells_nothing_of_articles_that_are_as_they_were(releases: list[Path]) -> None:
    told_keys = {row[0] for row in ask(releases[2], "from ops.release_change")}
    assert told_keys == {key("come"), key("come/b"), key("own/b")}


def test_a_key_that_was_merged_leads_to_the_article_that_has_it(releases: list[Path]) -> None:
    rows = changed(releases[1], "merged", ONE, OTHER)
    assert (key(ONE), "merged", "article_key", str(key(OTHER)), str(key(ONE))) in rows
    assert {row[1] for row in rows} <= {"merged", "headline", "other"}


def test_articles_merged_into_a_new_key_are_both_led_there_and_none_is_added(releases: list[Path]) -> None:
    rows = changed(releases[1], "joined", LEFT, RIGHT, NEW)
    assert sorted(row for row in rows if row[2] == "article_key") == sorted(
        (key(NEW), "merged", "article_key", str(key(name)), str(key(NEW))) for name in (LEFT, RIGHT)
    )
    assert not {row[1] for row in rows} & {"added", "departed", "returned"}


def test_a_key_that_only_became_another_is_the_same_article(releases: list[Path]) -> None:
    """A smaller URL was found: nothing merged, but who saved the key finds the article by it."""
    rows = changed(releases[1], "smaller", SMALLER, LARGER)
    assert [row for row in rows if row[2] == "article_key"] == [
        (key(SMALLER), "other", "article_key", str(key(LARGER)), str(key(SMALLER)))
    ]
    assert not {row[1] for row in rows} & {"added", "departed", "merged"}


def test_a_part_that_is_an_article_of_its_own_now_is_split(releases: list[Path]) -> None:
    """A second day of one slug shows that the alias is of several stories: nobody can tell which is the undated one."""
    parts = "select count(*) from dim_article where url like '%morning-briefing'"
    assert [ask(release, parts) for release in releases[:2]] == [[(1,)], [(3,)]]
    rows = changed(releases[1], DATED, UNDATED, NEXT_DAY)
    assert (key(UNDATED), "split", "article_key", str(key(DATED)), str(key(UNDATED))) in rows
    assert not {row[1] for row in rows if row[0] == key(UNDATED)} & {"added", "returned"}


def compare(connection: duckdb.DuckDBPyConnection, before: Path, after: Path, folder: Path) -> list[tuple[Any, ...]]:
    """Return what `after` shows otherwise than `before`, by the statement that a build runs."""
    from warehouse.sql_files import define_macros, read_sql

    connection.execute(f"attach '{before}' as before (read_only)")
    connection.execute(f"attach '{after}' as after (read_only)")
    define_macros(connection)
    return connection.execute(read_sql("ops", "release_change")).fetchall()


def test_two_builds_tell_the_same(releases: list[Path]) -> None:
    before, after, _ = releases
    rows = ask(after, "from ops.release_change")

    with duckdb.connect(":memory:", config={"threads": 4}) as connection:
        assert compare(connection, before, after, before.parent) == rows
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
