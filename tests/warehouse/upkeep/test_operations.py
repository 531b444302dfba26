"""Work on the ledger beside runs: as of any time, verification, takedowns, compaction, reading again, going back."""

import shutil
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from flows.pipeline import run as run_module
from flows.readers import cutting
from schemas.errors import LedgerDamaged, RunFailed, UsageError
from schemas.packs import Slice, unpack
from schemas.urls import UrlFacts, facts
from tests.documents import make_document, make_mention
from tests.newsroom import A_DAY, FIRST_AS_OF, Newsroom
from warehouse.home import Home
from warehouse.ledger import reread
from warehouse.ledger.opening import FORMAT_VERSION, open_ledger, set_meta
from warehouse.ledger.packs import kept_bytes
from warehouse.release import build
from warehouse.release.publish import release_ids
from warehouse.state import State, read_state, write_state
from warehouse.upkeep import takedown
from warehouse.upkeep.operations import build_as_of, maintain, rollback, verify
from warehouse.upkeep.takedown import purge

URL = "https://example.com/{}"
SECRET = "a-name-that-was-taken-down"


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A newsroom of two days: one document changed, one did not."""
    room = Newsroom.below(tmp_path_factory.mktemp("origin"))
    listed = [make_mention(SECRET, URL.format(SECRET)), make_mention("kept", URL.format("kept"))]
    room.write("a.md", make_document("first", URL.format("a"), related=listed))
    room.write("b.md", make_document("other", URL.format("b")))
    room.run()
    room.write("a.md", make_document("second headline", URL.format("a"), related=listed))
    room.run()
    return room


@pytest.fixture
def two_days(origin: Newsroom, tmp_path: Path) -> Newsroom:
    """A copy of it that a test may change."""
    return origin.copy(tmp_path)


def _titles(file: Path) -> set[str]:
    with duckdb.connect(file, read_only=True) as connection:
        return {str(row[0]) for row in connection.execute("select title from dim_article").fetchall()}


def test_a_release_as_of_a_past_time_shows_what_was_then(two_days: Newsroom, tmp_path: Path) -> None:
    build_as_of(two_days.warehouse, FIRST_AS_OF, tmp_path / "then.duckdb")
    build_as_of(two_days.warehouse, FIRST_AS_OF - A_DAY, tmp_path / "before.duckdb")

    assert "first" in _titles(tmp_path / "then.duckdb")
    assert "second headline" not in _titles(tmp_path / "then.duckdb")
    assert _titles(tmp_path / "before.duckdb") == set()


def test_a_build_never_writes_over_a_file_or_ahead_of_time(two_days: Newsroom, tmp_path: Path) -> None:
    there = tmp_path / "there.duckdb"
    there.write_text("mine")

    with pytest.raises(UsageError, match="exists already"):
        build_as_of(two_days.warehouse, FIRST_AS_OF, there)
    with pytest.raises(UsageError, match="ahead"):
        build_as_of(two_days.warehouse, datetime(9999, 1, 1), tmp_path / "x.duckdb")
    assert there.read_text() == "mine"


def test_verify_finds_the_release_equal_and_names_a_table_that_is_not(two_days: Newsroom) -> None:
    assert verify(two_days.warehouse)["is_equal"]

    file = two_days.warehouse.resolve()
    file.chmod(0o644)
    with duckdb.connect(file) as connection:
        connection.execute("update dim_provider set name = 'forged'")
        connection.execute("update dim_article set title = 'forged' where title = 'other'")

    told = verify(two_days.warehouse)
    assert [one["table"] for one in told["differences"]] == ["dim_article"]
    assert not told["is_file_untouched"]


def test_verify_tells_the_tables_of_a_ledger_that_was_tampered_with(two_days: Newsroom) -> None:
    with open_ledger(Home.of(two_days.warehouse)) as connection:
        connection.execute("delete from ledger.content_entry where position = 0")

    tables = {one["table"] for one in verify(two_days.warehouse)["differences"]}

    assert {"dim_document", "fact_mention"} <= tables


def test_verify_tells_a_missing_table_and_a_damaged_release_as_what_they_are(two_days: Newsroom) -> None:
    file = two_days.warehouse.resolve()
    file.chmod(0o644)
    with duckdb.connect(file) as connection:
        connection.execute("drop table article_conflict")
        connection.execute("alter table dim_topic rename column topic to subject")
    told = verify(two_days.warehouse)
    assert {one["table"] for one in told["differences"]} == {"article_conflict", "dim_topic"}

    file.write_bytes(file.read_bytes()[:20_000])
    with pytest.raises(RunFailed, match="release is damaged"):
        verify(two_days.warehouse)


def test_a_purged_document_is_gone_for_good(two_days: Newsroom) -> None:
    done = purge(two_days.warehouse, path="news/a.md")

    assert done["documents"] == 1
    assert len(done["releases_removed"]) == 2
    assert two_days.query("select path from dim_document") == [("b.md",)]
    assert two_days.run().documents["seen"] == 1
    assert two_days.run(full_refresh=True).documents["seen"] == 1
    check_nowhere(two_days, SECRET)
    assert verify(two_days.warehouse)["is_equal"]


def test_a_purged_url_is_gone_from_every_list_and_stays_out(two_days: Newsroom) -> None:
    done = purge(two_days.warehouse, url=URL.format(SECRET))

    assert (done["documents"], done["mentions"]) == (0, 2)
    check_nowhere(two_days, SECRET)
    listed = [make_mention(SECRET, URL.format(SECRET) + "?utm_source=x"), make_mention("kept", URL.format("kept"))]
    two_days.write("a.md", make_document("third headline", URL.format("a"), related=listed))
    two_days.write("c.md", make_document(SECRET, URL.format(SECRET)))
    result = two_days.run()
    assert (result.documents["seen"], result.documents["changed"]) == (2, 1)
    assert two_days.query("select position from fact_mention where role = 'related'") == [(2,)]
    check_nowhere(two_days, SECRET)


def test_what_the_last_run_said_of_it_goes_as_well(two_days: Newsroom) -> None:
    home = Home.of(two_days.warehouse)
    state = read_state(home)
    assert state is not None
    audit = {"name": "a", "status": "fail", "offending_rows": 1, "example": SECRET}
    said = {"status": "failed", "error": f"an audit found {SECRET}", "notices": [SECRET], "audits": [audit]}
    write_state(home, State(**{**state, "run": {**state["run"], **said}}))

    purge(two_days.warehouse, url=URL.format(SECRET))

    check_nowhere(two_days, SECRET)
    after = read_state(home)
    assert after is not None
    assert (after["run"]["status"], len(after["run"]["audits"])) == ("failed", 1)
    assert after["run"]["error"] == "left out, as something was taken down since"


def test_another_story_in_the_same_file_and_other_mentions_outlive_a_takedown(newsroom: Newsroom) -> None:
    listed = [make_mention("kept", URL.format("kept"))]
    newsroom.write("a.md", make_document("mine", URL.format("mine"), related=listed))
    newsroom.run()
    newsroom.write("a.md", make_document(SECRET, URL.format(SECRET), related=listed))
    newsroom.run()
    newsroom.write("a.md", make_document("later", URL.format("later"), related=listed))
    newsroom.write("b.md", make_document("b", URL.format("b"), related=[make_mention(SECRET, URL.format(SECRET))]))
    newsroom.run()

    done = purge(newsroom.warehouse, url=URL.format(SECRET))

    assert (done["documents"], done["versions"], done["mentions"]) == (0, 1, 3)
    check_nowhere(newsroom, SECRET)
    assert newsroom.query(
        "select title, valid_from, valid_to from article_history inner join dim_article using (article_key, title) "
        "where title in ('mine', 'later', 'kept') order by 2, 1"
    ) == [
        ("kept", FIRST_AS_OF, FIRST_AS_OF + A_DAY),
        ("mine", FIRST_AS_OF, FIRST_AS_OF + A_DAY),
        ("kept", FIRST_AS_OF + 2 * A_DAY, None),
        ("later", FIRST_AS_OF + 2 * A_DAY, None),
    ]
    assert verify(newsroom.warehouse)["is_equal"]
    _check_reparse_loses_nothing(newsroom)


def test_a_file_that_tells_a_story_taken_down_is_not_there(newsroom: Newsroom) -> None:
    newsroom.write("b.md", make_document("b", URL.format("b")))
    newsroom.write("a.md", make_document("mine", URL.format("mine")))
    newsroom.run()
    newsroom.write("a.md", make_document(SECRET, URL.format(SECRET)))
    newsroom.run()

    purge(newsroom.warehouse, url=URL.format(SECRET))

    then = FIRST_AS_OF + A_DAY
    assert newsroom.query("select path, removed_at from dim_document order by 1") == [("a.md", then), ("b.md", None)]
    seen = [newsroom.run(full_refresh=full).documents for full in (False, True)]
    assert [(one["seen"], one["unchanged"], one["removed"]) for one in seen] == [(1, 1, 0)] * 2
    newsroom.write("a.md", make_document("mine", URL.format("mine")))
    assert newsroom.run().documents["changed"] == 1


def _check_reparse_loses_nothing(room: Newsroom) -> None:
    fingerprint = room.one("select fingerprint from ops.release")
    room.run(reparse=True)
    assert room.one("select fingerprint from ops.release") == fingerprint


@pytest.mark.slow
def test_bytes_that_nobody_could_judge_are_not_kept_after_a_takedown(two_days: Newsroom) -> None:
    text = (two_days.folder / "a.md").read_text()
    for bad in (text.replace("title", "titel"), text.replace(SECRET, SECRET + '"'), "---\n" + SECRET):
        two_days.write("a.md", bad)
        two_days.run(max_quarantine=1.0)
        assert _is_kept(two_days, SECRET)

    purge(two_days.warehouse, url=URL.format(SECRET))

    assert not _is_kept(two_days, SECRET)
    two_days.run(full_refresh=True, max_quarantine=1.0)
    assert not _is_kept(two_days, SECRET)
    _check_reparse_loses_nothing(two_days)


def _is_kept(room: Newsroom, text: str) -> bool:
    """Tell whether the text is in any bytes that the ledger keeps."""
    with open_ledger(Home.of(room.warehouse)) as connection:
        digests = [row[0] for row in connection.execute("select byte_digest from ledger.raw").fetchall()]
        return any(text.encode() in data for _, data in kept_bytes(connection, digests))


def test_a_takedown_that_was_cut_off_is_gone_on_with(two_days: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    two_days.write("c.md", make_document("c", URL.format("c")))
    two_days.run()
    for what in ({"path": "news/b.md"}, {"url": URL.format(SECRET)}):
        with monkeypatch.context() as patched:
            patched.setattr(takedown, "publish_as_of", _fail)
            with pytest.raises(RunFailed, match="full"):
                purge(two_days.warehouse, **what)
        assert len(purge(two_days.warehouse, **what)["releases_removed"]) >= 1
    check_nowhere(two_days, SECRET)
    assert two_days.query("select path from dim_document order by path") == [("a.md",), ("c.md",)]


def test_a_release_from_before_a_takedown_is_removed_by_the_same_purge(two_days: Newsroom) -> None:
    """As a newsmart without the mark left it, or a backup that was put back by hand: an old release lies there."""
    home = Home.of(two_days.warehouse)
    old = release_ids(home)[0]
    kept = two_days.warehouse.with_name("kept")
    shutil.copytree(home.release_folder(old), kept)
    purge(two_days.warehouse, url=URL.format(SECRET))
    kept.rename(home.release_folder(old))

    again = purge(two_days.warehouse, url=URL.format(SECRET))

    assert old in again["releases_removed"]
    check_nowhere(two_days, SECRET)


def _fail(*_: object) -> str:
    raise RunFailed("the disk is full")


def _packs(connection: duckdb.DuckDBPyConnection) -> list[bytes]:
    return [unpack(row[0]) for row in connection.execute("select bytes from ledger.shelf_0").fetchall()]


def check_nowhere(room: Newsroom, text: str) -> None:
    """Look for the text in the bytes of every file of the warehouse."""
    home = Home.of(room.warehouse)
    files = [file for file in home.folder.rglob("*") if file.is_file()]
    assert len(files) > 2
    assert [str(file) for file in files if text.encode() in file.read_bytes()] == []
    with open_ledger(home) as connection:
        packs = _packs(connection)
    assert packs
    assert not any(text.encode() in pack for pack in packs)


def test_purge_says_what_it_cannot_find(two_days: Newsroom) -> None:
    with pytest.raises(UsageError, match="no such document"):
        purge(two_days.warehouse, path="nowhere.md")
    with pytest.raises(UsageError, match="no article"):
        purge(two_days.warehouse, url="https://example.com/nowhere")
    with pytest.raises(UsageError, match="not a URL"):
        purge(two_days.warehouse, url="ftp://example.com/a")


def test_maintain_compacts_and_changes_no_release(two_days: Newsroom) -> None:
    before = two_days.one("select fingerprint from ops.release")

    done = maintain(two_days.warehouse, keep_runs=1, keep_releases=1)

    assert (done["runs"], len(done["releases_removed"])) == (1, 1)
    assert two_days.one("select fingerprint from ops.release") == before
    assert verify(two_days.warehouse)["is_equal"]
    assert not two_days.run().published


def test_maintain_keeps_the_latest_sound_releases(two_days: Newsroom) -> None:
    two_days.write("b.md", make_document("third", URL.format("b")))
    two_days.run()
    home = Home.of(two_days.warehouse)
    first, second, third = release_ids(home)
    home.release_file(second).chmod(0o644)
    home.release_file(second).write_bytes(b"forged")

    done = maintain(two_days.warehouse, keep_releases=2)

    assert done["releases_removed"] == [second]
    assert release_ids(home) == [first, third]


def test_bytes_of_superseded_versions_go_where_that_is_set(two_days: Newsroom) -> None:
    assert maintain(two_days.warehouse, keep_raw_days=1)["raw"] == 1
    with open_ledger(Home.of(two_days.warehouse)) as connection:
        kept = b"".join(_packs(connection))
    assert b"second headline" in kept
    assert b"first headline" not in kept
    assert maintain(two_days.warehouse, keep_raw_days=1)["raw"] == 0
    assert two_days.one("select version_count from dim_document where path = 'a.md'") == 2


def test_reading_again_gives_the_same_release(two_days: Newsroom) -> None:
    before = two_days.one("select fingerprint from ops.release")

    result = two_days.run(reparse=True)

    assert result.published
    assert result.documents["unchanged"] == 2
    assert two_days.one("select fingerprint from ops.release") == before


@pytest.mark.slow
def test_what_is_read_again_in_several_batches_is_the_same(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(7):
        related = [make_mention(f"r{number % 3}", URL.format(f"r{number % 3}"), publishedDateTime="no date")] * (
            number % 2
        )
        newsroom.write(f"{number}.md", make_document(f"{number}", URL.format(number), related=related))
    newsroom.run()
    monkeypatch.setattr(cutting, "MAX_BATCH_FILES", 2)
    monkeypatch.setattr("flows.readers.local._WORTH_PROCESSES", 0)
    fingerprint = newsroom.one("select fingerprint from ops.release")

    for workers in (1, 2):
        newsroom.run(reparse=True, workers=workers)

        assert newsroom.one("select fingerprint from ops.release") == fingerprint
        assert newsroom.one("select count(*) from dim_document") == 7


def test_an_as_of_that_does_not_fit_is_refused_before_all_is_read_again(
    two_days: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module, "bring_up_to_date", None)
    with pytest.raises(UsageError, match="ahead"):
        two_days.run(datetime(2999, 1, 1), reparse=True)


@pytest.mark.slow
def test_what_was_accepted_in_its_time_is_not_lost_by_reading_again(newsroom: Newsroom) -> None:
    ahead = make_mention("ahead", URL.format("ahead"), publishedDateTime="2026-06-01")
    newsroom.write("a.md", make_document("a", URL.format("a"), related=[ahead]))
    newsroom.run()
    newsroom.run(datetime(2025, 1, 1))
    newsroom.write("a.md", make_document("a", URL.format("a"), related=[ahead], secured="cipher").replace("\n", "\r\n"))
    assert newsroom.run().documents["touched"] == 1
    assert newsroom.one("select count(*) from fact_mention") == 2

    _check_reparse_loses_nothing(newsroom)

    assert newsroom.one("select version_count from dim_document") == 2
    result = newsroom.run()
    assert (result.documents["unchanged"], result.published) == (1, False)


def test_newer_rules_read_every_kept_version_again(two_days: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home.of(two_days.warehouse)
    with open_ledger(home) as connection:
        connection.execute("update ledger.entry set title = 'misread under old rules'")
    monkeypatch.setattr(build, "VERSIONS", replace(build.VERSIONS, rules=build.VERSIONS.rules + 1))

    assert two_days.run().published
    assert {"second headline", "other", "kept", SECRET} == {
        row[0] for row in two_days.query("select title from articles")
    }
    assert not two_days.run().published


def test_reading_again_leaves_out_what_only_newer_rules_know_as_taken_down(two_days: Newsroom) -> None:
    two_days.write("c.md", make_document(SECRET, URL.format(SECRET)))
    two_days.run()
    with open_ledger(Home.of(two_days.warehouse)) as connection:
        connection.execute(
            "insert into ledger.tombstone select 'url', sha256(url_key), now()::timestamp "
            "from ledger.url where url_raw = $1",
            [URL.format(SECRET)],
        )

    two_days.run(reparse=True)

    assert SECRET not in {row[0] for row in two_days.query("select title from dim_article")}
    assert two_days.query("select path from dim_document order by 1") == [("a.md",), ("b.md",)]


def test_a_newer_url_policy_makes_every_key_anew(two_days: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def newer(url: str) -> UrlFacts | None:
        known = facts(url)
        return known and known._replace(url_key="newer." + known.url_key)

    monkeypatch.setattr(build, "VERSIONS", replace(build.VERSIONS, policy=build.VERSIONS.policy + 1))
    monkeypatch.setattr(reread, "facts", newer)

    assert two_days.run().published
    assert two_days.one("select count(*) from dim_article where not starts_with(url_key, 'newer.')") == 0


def test_a_newer_ledger_is_refused_and_an_older_one_migrated(two_days: Newsroom) -> None:
    home = Home.of(two_days.warehouse)
    with open_ledger(home) as connection:
        set_meta(connection, "format_version", str(FORMAT_VERSION + 1))
    with pytest.raises(RunFailed, match="upgrade newsmart"):
        two_days.run()

    before = two_days.one("select fingerprint from ops.release")
    with duckdb.connect(home.ledger) as connection:
        _to_format_1(connection)
    assert two_days.run(reparse=True).documents["unchanged"] == 2
    assert two_days.one("select fingerprint from ops.release") == before
    with duckdb.connect(home.ledger, read_only=True) as connection:
        rows = connection.execute("select value from meta where name = 'format_version'").fetchall()
        assert connection.execute("select count(*) from raw").fetchall() == [(3,)]
    assert rows == [(str(FORMAT_VERSION),)]


@pytest.mark.parametrize("told", ["two", "", "-1", "0", "1.0", "²", pytest.param("9" * 5_000, id="long")])
def test_a_ledger_whose_format_is_no_number_is_damaged(two_days: Newsroom, told: str) -> None:
    with open_ledger(Home.of(two_days.warehouse)) as connection:
        set_meta(connection, "format_version", told)

    with pytest.raises(LedgerDamaged, match="no number"):
        two_days.run()


def _to_format_1(connection: duckdb.DuckDBPyConnection) -> None:
    """Make a ledger what format 1 was: the bytes of each version compressed by themselves."""
    slices = [Slice(*row) for row in connection.execute("select * from raw").fetchall()]
    packs = dict(connection.execute("select pack_id, bytes from shelf_0").fetchall())
    for table in ("release_build", "release_table", "entry_key", "pack", "shelf_0"):
        connection.execute(f"drop table {table}")
    connection.execute("create or replace table raw (byte_digest blob not null, bytes blob not null)")
    for one in slices:
        data = unpack(packs[one.pack_id])[one.first : one.first + one.byte_count]
        alone = pa.Codec("zstd", compression_level=1).compress(data, asbytes=True)
        connection.execute("insert into raw values ($1, $2)", [one.byte_digest, alone])
    connection.execute("update meta set value = '1' where name = 'format_version'")


def test_rollback_without_an_older_release_says_so(published: Newsroom) -> None:
    with pytest.raises(RunFailed, match="no sound release"):
        rollback(published.warehouse)


def test_work_without_a_warehouse_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="newsmart run"):
        verify(tmp_path / "none.duckdb")
