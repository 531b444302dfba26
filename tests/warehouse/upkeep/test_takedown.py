"""Takedowns that fail or are killed halfway, and what comes back with later runs: nothing may."""

from pathlib import Path
from typing import Any

import pytest

from flows.commands.status import status_lines, status_object
from schemas.errors import PublishFailed, RunFailed
from tests.documents import make_document, make_mention
from tests.newsroom import FIRST_AS_OF, Newsroom
from tests.warehouse.upkeep.test_operations import SECRET, URL, check_nowhere
from warehouse.home import Home
from warehouse.ledger.opening import open_ledger
from warehouse.release import publish
from warehouse.release.publish import release_ids
from warehouse.state import read_state
from warehouse.upkeep import takedown
from warehouse.upkeep.doctor import known_troubles
from warehouse.upkeep.operations import rollback
from warehouse.upkeep.takedown import purge


class Killed(BaseException):
    """The process dies here: no handler of ours takes it for an error."""


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A newsroom of two releases, both of which show what will be taken down."""
    room = Newsroom.below(tmp_path_factory.mktemp("origin"))
    room.write("a.md", make_document(SECRET, URL.format(SECRET)))
    room.write("b.md", make_document("b", URL.format("b"), related=[make_mention(SECRET, URL.format(SECRET))]))
    room.run()
    room.write("c.md", make_document("c", URL.format("c")))
    room.run()
    return room


@pytest.fixture
def room(origin: Newsroom, tmp_path: Path) -> Newsroom:
    """A copy of it that a test may change."""
    return origin.copy(tmp_path)


def _take_down(room: Newsroom) -> None:
    purge(room.warehouse, url=URL.format(SECRET))


def _told(room: Newsroom) -> list[str]:
    """What status and doctor say of a takedown."""
    home = Home.of(room.warehouse)
    state = read_state(home)
    assert state is not None
    lines = status_lines(status_object(home, state, FIRST_AS_OF))
    return [line for line in lines if line.startswith("takedown")] + [
        status for name, status, _ in known_troubles(home) if name == "takedown"
    ]


def _tombstones(room: Newsroom) -> int:
    with open_ledger(Home.of(room.warehouse)) as connection:
        return len(connection.execute("select * from ledger.tombstone").fetchall())


def test_what_can_be_checked_is_checked_before_anything_is_taken_down(room: Newsroom) -> None:
    Home.of(room.warehouse).stray_wal.touch()

    with pytest.raises(PublishFailed, match="left its log"):
        _take_down(room)

    assert _tombstones(room) == 0
    assert _told(room) == []


@pytest.mark.parametrize(
    ("step", "how"),
    [
        pytest.param("publish_as_of", RunFailed("the disk is full"), id="publish_as_of", marks=pytest.mark.slow),
        pytest.param("prune", Killed("kill -9"), id="prune", marks=pytest.mark.slow),
        pytest.param("compact", Killed("kill -9"), id="compact"),
    ],
)
def test_a_takedown_that_was_cut_off_is_told_and_finished_by_the_next_run(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch, step: str, how: BaseException
) -> None:
    def die(*_: object, **__: object) -> None:
        raise how

    with monkeypatch.context() as patched:
        patched.setattr(publish if step == "prune" else takedown, step, die)
        with pytest.raises(type(how), match=r"kill -9|not finished.*the disk is full.*newsmart run"):
            _take_down(room)
    assert [text.split()[0] for text in _told(room)] == ["takedown", "bad"]
    with pytest.raises(RunFailed, match="newsmart run"):
        rollback(room.warehouse)

    room.write("d.md", make_document("d", URL.format("d")))
    result = room.run()

    assert "finished a takedown that had been cut off" in result.notices
    assert _told(room) == []
    check_nowhere(room, SECRET)
    rollback(room.warehouse)
    check_nowhere(room, SECRET)


def test_a_run_that_cannot_finish_a_takedown_says_so(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(takedown, "compact", _fail)
        with pytest.raises(RunFailed):
            _take_down(room)
        with pytest.raises(RunFailed, match=r"takedown is recorded but not finished.*the disk is full"):
            room.run()
    assert _told(room) != []


def _fail(*_: object, **__: object) -> None:
    raise RunFailed("the disk is full")


def test_a_release_that_cannot_be_removed_leaves_the_takedown_unfinished(
    room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(publish, "_remove", lambda folder: None)
        with pytest.raises(RunFailed, match="could not be removed"):
            _take_down(room)
    room.run()
    check_nowhere(room, SECRET)


def test_a_rollback_never_goes_behind_a_takedown(room: Newsroom) -> None:
    """As a newsmart without the mark left it: tombstones and deletions are committed, the old releases lie there."""
    with open_ledger(Home.of(room.warehouse)) as connection:
        connection.execute("insert into ledger.tombstone values ('url', 'x', now()::timestamp + interval 1 hour)")
    assert len(release_ids(Home.of(room.warehouse))) == 2

    with pytest.raises(RunFailed, match="no sound release"):
        rollback(room.warehouse)


def test_bytes_that_name_an_article_where_it_was_not_accepted_go_with_it(newsroom: Newsroom) -> None:
    rejected = make_mention(SECRET, URL.format(SECRET), publishedDateTime="no date")
    newsroom.write("a.md", make_document(SECRET, URL.format(SECRET)))
    newsroom.write("b.md", make_document("b", URL.format("b"), related=[rejected]))
    newsroom.write("c.md", make_document("c", URL.format("c")))
    newsroom.run()

    _take_down(newsroom)

    for full in (False, True):
        check_nowhere(newsroom, SECRET)
        newsroom.run(full_refresh=full)
    check_nowhere(newsroom, SECRET)
    assert newsroom.query("select path from dim_document order by path") == [("b.md",), ("c.md",)]
    with open_ledger(Home.of(newsroom.warehouse)) as connection:
        kept = connection.execute(
            "select path from ledger.raw join ledger.event using (byte_digest) join ledger.document using (document_id)"
        )
        assert kept.fetchall() == [("c.md",)]


def test_what_was_said_of_an_article_taken_down_is_never_told_again(newsroom: Newsroom) -> None:
    broken: dict[str, Any] = {"originalUrl": "ZEBRA broken url", "zebrafield": "x"}
    listed = [
        make_mention("z", URL.format("z"), ampWebUrl="ZEBRA broken amp", zebraalso="x", otherfield="x"),
        make_mention("other", URL.format("other"), ampWebUrl="another broken amp", otherfield="x"),
    ]
    newsroom.write("a.md", make_document("z", URL.format("z"), **broken))
    newsroom.write("b.md", make_document("b", URL.format("b"), related=listed))
    newsroom.write("c.md", make_document("c", URL.format("c")))
    newsroom.run()

    purge(newsroom.warehouse, url=URL.format("z"))
    check_nowhere(newsroom, "ZEBRA")
    check_nowhere(newsroom, "zebra")
    newsroom.write("a.md", make_document("z again", URL.format("z"), **broken))
    for full in (False, True):
        newsroom.run(max_quarantine=1.0, full_refresh=full)
        check_nowhere(newsroom, "ZEBRA")
        check_nowhere(newsroom, "zebra")

    assert newsroom.query("select path, found from ops.quarantine") == [("b.md", "another broken amp")]
    state = read_state(Home.of(newsroom.warehouse))
    assert state is not None
    assert [(row["field"], row["path"]) for row in state["drift"]] == [("related[].otherfield", "b.md")]
