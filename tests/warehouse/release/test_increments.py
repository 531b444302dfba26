"""Releases that are made from the one before: equal to a rebuild, and made whole wherever that cannot be shown."""

import errno
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from schemas.errors import AuditFailed, RunFailed
from schemas.tables import BASE_TABLES
from tests.documents import make_document, make_mention
from tests.newsroom import Newsroom
from tests.proofs.histories import History, anything_goes, history
from tests.proofs.increments import live
from warehouse import durable
from warehouse.clock import utc_now
from warehouse.home import Home
from warehouse.ledger.opening import note_rewritten_past, open_ledger, set_meta
from warehouse.release import base, build, changes, differing, increment, making, publish, releases, scope, work
from warehouse.release.base import Base, find_base
from warehouse.release.catalog import LARGE_BLOCK_BYTES, block_bytes_of
from warehouse.release.making import Making
from warehouse.upkeep.operations import rollback, verify

SITE = "https://www.example.com/"
# Of CI's short form; `python -m tests.proofs.increments` lives through thousands.
SHORT = range(11, 14)
SHORT_STEPS = 4
LONG = [pytest.param(seeds, marks=pytest.mark.slow) for seeds in (range(20, 21), range(21, 24), range(24, 36))]


@pytest.mark.parametrize("seeds", [SHORT, *LONG])
def test_releases_of_random_histories_equal_their_rebuilds(seeds: range) -> None:
    assert live(seeds, SHORT_STEPS if seeds == SHORT else 6).made[build.INCREMENTAL] > 0


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_chain_of_fifty_equals_its_rebuilds_and_ends_in_a_whole_build(tmp_path: Path) -> None:
    with history(tmp_path, 7) as one:
        for _ in range(base.LONGEST_CHAIN + 2):
            one.now += timedelta(hours=1)
            one.edit()
            one.run()
        assert one.told.made == {"first_load": 1, "incremental": base.LONGEST_CHAIN, "periodic": 1}


def test_a_provider_of_which_one_document_says_more_is_told_by_that_one_while_it_is_there(tmp_path: Path) -> None:
    logo = f"{SITE}logo.svg"
    full, plain = {"domain": "x.com", "name": "X", "images": [{"url": logo}]}, {"domain": "x.com"}
    with history(tmp_path, 1) as one:
        one.source.mkdir(exist_ok=True)
        logos = []
        for number, provider in enumerate([full, plain, plain]):
            (one.source / f"{number}.md").write_text(make_document("T", f"{SITE}{number}", provider=provider))
        for change in (None, make_document("New", f"{SITE}1", provider=plain), ""):
            if change:
                (one.source / "1.md").write_text(change)
            elif change is not None:
                (one.source / "0.md").unlink()
            one.now += timedelta(hours=1)
            one.run()
            with duckdb.connect(one.home.file, read_only=True) as connection:
                logos += connection.execute("select name, logo_url from dim_provider").fetchall()
        assert logos == [("X", logo), ("X", logo), (None, None)]
        assert one.told.made[build.INCREMENTAL] == 2


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """Give a history of two releases, the second made from the first; who changes it rolls back."""
    with history(tmp_path_factory.mktemp("lived"), 5) as one:
        for _ in range(2):
            for _ in range(4):
                one.edit()
            one.now += timedelta(hours=1)
            one.record()
            one.release()
        assert one.told.made == {"first_load": 1, "incremental": 1}
        one.now += timedelta(hours=1)
        yield one


def found(one: History) -> Base | str:
    """Return the release to go on from, or why not."""
    previous = changes.find_previous(one.home, releases.known_releases(one.home, one.connection))
    return find_base(one.connection, previous, one.now)


Break = Callable[[History, pytest.MonkeyPatch], object]


def sql(statement: str) -> Break:
    """Return what changes the ledger by a statement."""
    return lambda one, _: one.connection.execute(statement)


def mostly_new(_: History, patch: pytest.MonkeyPatch) -> None:
    """Let a few replaced rows of a small table be too many."""
    patch.setattr(base, "SMALL_TABLE_ROWS", 0)
    patch.setattr(base, "MOST_REPLACED", 0)


CURRENT = "(select max(release_id) from ledger.release)"
# What must hold of the base: why a whole build is taken where it does not, and how it is broken.
CONDITIONS: dict[str, tuple[str, Break]] = {
    "it is known": (changes.NOT_AS_PUBLISHED, sql(f"delete from ledger.release where release_id = {CURRENT}")),
    "its file is untouched": (
        changes.NOT_AS_PUBLISHED,
        sql("update ledger.release set size = 1"),
    ),
    "its versions are ours": (changes.OTHER_VERSIONS, sql("update ledger.release set rules_version = -1")),
    "it was noted": (base.NOT_KNOWN, sql("delete from ledger.release_build")),
    "its tables were noted": (base.NOT_KNOWN, sql("delete from ledger.release_table where table_name = 'dim_topic'")),
    "its tables are those of its fingerprint": (base.NOT_KNOWN, sql("update ledger.release_table set row_count = 1")),
    "verify trusts it": (base.NOT_KNOWN, lambda one, _: base.distrust(one.connection, str(one.home.linked_release()))),
    "it is of the past": (base.LATER, lambda one, patch: patch.setattr(one, "now", one.now - timedelta(hours=1))),
    "the past is as it was": (base.REWRITTEN_PAST, lambda one, _: note_rewritten_past(one.connection)),
    "the SQL is as it was": (base.OTHER_TRANSFORMS, sql("update ledger.release_build set transforms = 'other'")),
    "no event was added before it": (base.OTHER_EVENTS, sql("insert into ledger.event from ledger.event limit 1")),
    "no event is gone": (base.OTHER_EVENTS, sql("delete from ledger.event where rowid = 0")),
    "no event is other": (base.OTHER_EVENTS, sql("update ledger.event set content_id = content_id + 1")),
    "its file has not grown": (base.GROWN, lambda _, patch: patch.setattr(base, "LARGEST_GROWTH", 0.5)),
    "its tables are mostly old": (base.REPLACED, mostly_new),
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_without_each_condition_a_release_is_built_whole(
    lived: History, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    reason, break_it = CONDITIONS[name]
    assert isinstance(found(lived), Base)
    lived.connection.execute("begin")
    try:
        break_it(lived, monkeypatch)
        assert found(lived) == reason
    finally:
        lived.connection.execute("rollback")


def test_the_first_release_is_whole(lived: History, tmp_path: Path) -> None:
    assert find_base(lived.connection, changes.find_previous(Home.of(tmp_path / "none.duckdb"), []), lived.now) == (
        changes.FIRST_LOAD
    )


def make(one: History, release_id: str) -> Making:
    """Make a release and let it lie."""
    file = publish.stage(one.home, release_id)
    known = releases.known_releases(one.home, one.connection)
    previous = changes.find_previous(one.home, known)
    made = Making(one.connection, one.home, file, release_id, one.now, one.fill_ops, found(one), previous)
    try:
        with closing(made):
            made.deduplicate()
            made.load()
            made.audit()
    finally:
        publish.unstage(one.home, release_id)
    return made


def test_a_release_is_never_written_into_a_file_that_is_there(lived: History) -> None:
    file = publish.stage(lived.home, "taken")
    file.write_bytes(b"somebody's")
    previous = changes.find_previous(lived.home, releases.known_releases(lived.home, lived.connection))
    try:
        with (
            closing(
                Making(
                    lived.connection, lived.home, file, "taken", lived.now, lived.fill_ops, changes.FIRST_LOAD, previous
                )
            ) as made,
            pytest.raises(RunFailed, match="never written into a file"),
        ):
            made.deduplicate()
        assert file.read_bytes() == b"somebody's"
    finally:
        publish.unstage(lived.home, "taken")


def failing(error: BaseException) -> Callable[..., Any]:
    """Return what raises this error."""

    def fail(*_: object) -> None:
        raise error

    return fail


FAULTS = [
    ("lay_out_scope", duckdb.OutOfMemoryException("no memory")),
    ("make_rows", duckdb.OutOfMemoryException("no memory")),
    ("copy_to_disk", OSError(errno.ENOSPC, "No space left on device")),
    ("write_rows", duckdb.OutOfMemoryException("no memory")),
    ("read_back", AuditFailed("the file does not hold the rows that were written", where="dim_topic")),
    ("dangling_audits", AuditFailed("the release breaks its audits")),
]


@pytest.mark.parametrize(
    ("step", "error"),
    [
        pytest.param(step, error, id=step, marks=() if step in ("make_rows", "dangling_audits") else pytest.mark.slow)
        for step, error in FAULTS
    ],
)
def test_what_goes_wrong_on_the_way_from_a_base_leads_to_a_whole_build_and_is_told(
    lived: History, monkeypatch: pytest.MonkeyPatch, step: str, error: Exception
) -> None:
    expected = make(lived, "sound").built
    monkeypatch.setattr(making, step, failing(error))
    made = make(lived, "fallen")
    assert expected is not None
    assert made.built is not None
    assert (made.built.how.kind, made.built.how.reason) == (build.WHOLE, making.FAILED)
    assert made.built.tables == expected.tables
    assert [str(error) in notice for notice in made.notices] == [True]


def test_the_copy_of_the_base_is_on_the_disk_before_rows_are_written(
    lived: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    copy, write = durable.copy_to_disk, increment.write_rows

    def slow_copy(*arguments: Any) -> None:
        time.sleep(0.5)
        copy(*arguments)
        done.append("copied")

    def noted_write(*arguments: Any) -> None:
        done.append("written")
        write(*arguments)

    monkeypatch.setattr(making, "copy_to_disk", slow_copy)
    monkeypatch.setattr(making, "write_rows", noted_write)
    made = make(lived, "slow")
    assert (done, made.notices) == (["copied", "written"], [])


def test_ctrl_c_gives_the_copy_up_and_waits_for_its_end(lived: History, monkeypatch: pytest.MonkeyPatch) -> None:
    ends: list[bool] = []

    def endless_copy(_source: Path, _target: Path, is_given_up: Callable[[], bool]) -> None:
        while not is_given_up():
            time.sleep(0.01)
        time.sleep(0.2)
        ends.append(is_given_up())

    monkeypatch.setattr(making, "copy_to_disk", endless_copy)
    monkeypatch.setattr(making, "lay_out_scope", failing(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        make(lived, "broken-off")
    assert ends == [True]
    assert not lived.home.staging_folder("broken-off").exists()


def test_a_large_change_is_built_whole(lived: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scope, "LARGEST_SHARE", -1)
    made = make(lived, "large")
    assert made.built is not None
    assert (made.built.how.reason, made.notices) == (making.TOO_LARGE, [])


def test_a_row_that_was_not_written_is_found_when_the_file_is_read(
    lived: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived.edit()
    lived.edit()
    lived.record()
    monkeypatch.setattr(increment, "_order", lambda _: "all limit 0")
    made = make(lived, "torn")
    assert made.built is not None
    assert made.built.how.reason == making.FAILED
    assert "the file does not hold the rows that were written" in made.notices[0]


@pytest.mark.parametrize(("chain", "days"), [(base.LONGEST_CHAIN - 1, 0), (3, 7), (3, -1)])
def test_after_fifty_releases_a_week_or_a_clock_set_back_a_whole_build_is_due(
    lived: History, chain: int, days: int
) -> None:
    now = utc_now()
    one = Base("r", lived.now, (), {}, now - timedelta(days=days), 1, chain)
    assert one.is_due(now)


def story(number: int, title: str) -> str:
    """Return a document that lists three articles."""
    related = [make_mention(f"R{at}", f"{SITE}r{at}", topics=["a"]) for at in range(number, number + 3)]
    return make_document(title, f"{SITE}{number}", related, topics=["a", "b"], publishedDateTime="2020-05-05")


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """Give a warehouse of two releases, the second made from the first."""
    room = Newsroom.below(tmp_path_factory.mktemp("two"))
    for number in range(6):
        room.write(f"{number}.md", story(number, f"T{number}"))
    with anything_goes():
        first = room.run()
        room.write("1.md", story(1, "New"))
        second = room.run()
    assert first.build is not None
    assert second.build is not None
    assert (first.build["kind"], first.build["reason"]) == (build.WHOLE, changes.FIRST_LOAD)
    assert {name: second.build[name] for name in ("kind", "reason")} == {"kind": build.INCREMENTAL, "reason": None}
    assert (second.build["came"], second.build["went"]) == (4, 3)
    return room


@pytest.fixture
def room(two_releases: Newsroom, tmp_path: Path) -> Iterator[Newsroom]:
    """Give a copy of it, in which anything may be made from the release before."""
    with anything_goes():
        yield two_releases.copy(tmp_path)


def how(room: Newsroom, **options: Any) -> tuple[str, str | None]:
    """Run, and return how the release was built, and why whole."""
    told = room.run(**options).build
    assert told is not None
    return told["kind"], told["reason"]


def test_a_release_says_how_it_was_made(room: Newsroom) -> None:
    ((kind, made_from, came, went, reason),) = room.query(
        "select build_kind, base_release_id, rows_came, rows_went, whole_build_reason from ops.release"
    )
    assert (kind, came, went, reason) == (build.INCREMENTAL, 4, 3, None)
    assert (Home.of(room.warehouse).releases / made_from).is_dir()
    assert verify(room.warehouse)["is_equal"]


def test_tables_that_nothing_came_to_keep_their_blocks(room: Newsroom) -> None:
    home = Home.of(room.warehouse)
    before, after = sorted(publish.release_ids(home))
    blocks = [blocks_of(home.release_file(one)) for one in (before, after)]
    same = {table for table in blocks[0] if blocks[0][table] == blocks[1][table]}
    assert blocks[0].keys() - same == {"dim_article", "article_history", "dim_document"}


def test_a_large_release_has_large_blocks_and_one_made_from_it_keeps_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MOST_ENTRIES_IN_SMALL_BLOCKS", 0)
    room = Newsroom.below(tmp_path)
    room.write("1.md", story(1, "T1"))
    room.write("2.md", story(2, "T2"))
    room.run()
    room.write("1.md", story(1, "New"))
    with anything_goes():
        assert how(room) == (build.INCREMENTAL, None)

    home = Home.of(room.warehouse)
    before, after = (home.release_file(one) for one in sorted(publish.release_ids(home)))
    assert {block_bytes(before), block_bytes(after)} == {LARGE_BLOCK_BYTES}
    # Were its sizes others than those of the file, all tables would be written anew.
    assert blocks_of(before)["dim_topic"] == blocks_of(after)["dim_topic"]
    assert verify(room.warehouse)["is_equal"]


def block_bytes(file: Path) -> int:
    """Return how large the blocks of a file are."""
    with duckdb.connect(file, read_only=True) as connection:
        return block_bytes_of(connection, file.stem)


def blocks_of(file: Path) -> dict[str, list[Any]]:
    """Return by table in which blocks its columns lie."""
    with duckdb.connect(file, read_only=True) as connection:
        return {
            table.name: connection.execute(
                f"select column_path, segment_type, block_id, block_offset from pragma_storage_info('{table.name}') "
                "order by all"
            ).fetchall()
            for table in BASE_TABLES
        }


def forge(room: Newsroom) -> None:
    """Write a wrong row into the release, and into the ledger that it is right."""
    home = Home.of(room.warehouse)
    release_id = str(home.linked_release())
    file = home.release_file(release_id)
    file.chmod(0o644)
    with duckdb.connect(file) as connection:
        connection.execute("update dim_article set title = 'forged' where title = 'T4'")
    now = publish.fingerprint_file(file)
    with open_ledger(home) as connection:
        connection.execute(
            "update ledger.release set sha256 = $1, size = $2, mtime_ns = $3, ctime_ns = $4, inode = $5 "
            "where release_id = $6",
            [now.sha256, now.size, now.mtime_ns, now.ctime_ns, now.inode, release_id],
        )


def test_a_wrong_row_in_the_base_is_found_by_verify_and_then_nothing_is_made_from_it(room: Newsroom) -> None:
    forge(room)
    room.write("2.md", story(2, "Newer"))
    assert how(room) == (build.INCREMENTAL, None)
    assert [one["table"] for one in verify(room.warehouse)["differences"]] == ["dim_article"]
    room.write("3.md", story(3, "Newest"))
    assert how(room) == (build.WHOLE, base.NOT_KNOWN)
    assert verify(room.warehouse)["is_equal"]


def test_a_wrong_row_in_the_base_is_found_by_the_whole_build_now_and_then(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home.of(room.warehouse)
    forge(room)
    room.write("2.md", story(2, "Newer"))
    monkeypatch.setattr(base, "LONGEST_CHAIN", 2)
    result = room.run()
    assert result.build is not None
    assert (result.build["kind"], result.build["reason"]) == (build.WHOLE, base.PERIODIC)
    assert ["dim_article" in notice for notice in result.notices] == [True]
    assert room.query("select count(*) from dim_article where title = 'forged'") == [(0,)]
    (kept,) = home.differing.glob("*.duckdb")
    with duckdb.connect(kept, read_only=True) as connection:
        assert connection.execute("select count(*) from dim_article where title = 'forged'").fetchall() == [(1,)]
    assert "dim_article" in str(differing.told(home))
    assert verify(room.warehouse)["is_equal"]
    assert differing.told(home) is None
    assert not home.differing.exists()


def test_a_whole_build_that_is_due_and_equal_is_published_in_silence(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "LONGEST_CHAIN", 2)
    room.write("2.md", story(2, "Newer"))
    result = room.run()
    assert result.build is not None
    assert (result.build["reason"], result.notices) == (base.PERIODIC, [])
    assert not Home.of(room.warehouse).differing.exists()


def test_full_refresh_and_reparse_build_whole_and_a_rollback_can_be_gone_on_from(room: Newsroom) -> None:
    rollback(room.warehouse)
    room.write("2.md", story(2, "Newer"))
    assert how(room) == (build.INCREMENTAL, None)
    assert verify(room.warehouse)["is_equal"]
    room.write("2.md", story(2, "Newest"))
    assert how(room, full_refresh=True) == (build.WHOLE, base.FULL_REFRESH)
    room.write("2.md", story(2, "Last"))
    assert how(room, reparse=True) == (build.WHOLE, base.REWRITTEN_PAST)


def test_an_older_ledger_put_back_builds_whole(room: Newsroom, tmp_path: Path) -> None:
    home = Home.of(room.warehouse)
    shutil.copy(home.ledger, tmp_path / "older")
    room.write("2.md", story(2, "Newer"))
    assert how(room) == (build.INCREMENTAL, None)
    shutil.copy(tmp_path / "older", home.ledger)
    assert how(room) == (build.WHOLE, changes.NOT_AS_PUBLISHED)
    assert verify(room.warehouse)["is_equal"]


def test_a_format_from_before_is_brought_up_to_date_and_then_gone_on_from(room: Newsroom) -> None:
    with open_ledger(Home.of(room.warehouse)) as connection:
        for table in ("release_build", "release_table", "entry_key"):
            connection.execute(f"drop table ledger.{table}")
        set_meta(connection, "format_version", "2")
    ways = []
    for title in ("Newer", "Newest"):
        room.write("2.md", story(2, title))
        ways.append(how(room))
    assert ways == [(build.WHOLE, base.NOT_KNOWN), (build.INCREMENTAL, None)]
