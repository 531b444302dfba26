"""What readers see against what the ledger has: never old data that nobody tells of, whatever was done in what order.

The model is small: a rollback pins, an event or --full-refresh ends that. All else is asked of the warehouse itself:
after each step the ledger is built anew, and where readers see something else, run, status and doctor must say why.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from flows.commands.status import status_lines, status_object, status_prometheus
from flows.settings import Settings
from schemas.errors import Refused, RunFailed, UsageError
from tests.documents import make_document
from tests.newsroom import Newsroom
from tests.proofs.scene import newsmart
from warehouse.home import Home
from warehouse.release import publish, releases
from warehouse.release.freshness import PINNED, recorded
from warehouse.run_state import state_before
from warehouse.upkeep.backup import backup
from warehouse.upkeep.doctor import examine
from warehouse.upkeep.operations import build_as_of, maintain, rollback, verify
from warehouse.upkeep.restore import restore
from warehouse.upkeep.takedown import purge


def write(room: Newsroom, name: str, number: int) -> None:
    """Write a document, other with each number."""
    room.write(f"{name}.md", make_document(f"{name} {number}", f"https://example.com/{name}"))


def told(room: Newsroom) -> dict[str, Any]:
    """What `newsmart status` tells."""
    home = Home.of(room.warehouse)
    return status_object(home, state_before(home), room.next_as_of)


def standing(room: Newsroom) -> str:
    """What `newsmart doctor` tells of the release against the ledger; empty where all is well."""
    home = Home.of(room.warehouse)
    return " ".join(finding.text for finding in examine(home, recorded(home)) if finding.name == "freshness")


def titles(room: Newsroom) -> set[str]:
    """What readers see."""
    return {str(title) for (title,) in room.query("select title from dim_article where is_root")}


@pytest.fixture(scope="module")
def gone_back(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A warehouse of two releases, gone back to the first, to be copied."""
    newsroom = Newsroom.below(tmp_path_factory.mktemp("pinned"))
    for name in ("a", "b", "c"):
        write(newsroom, name, 1)
    newsroom.run()
    write(newsroom, "a", 2)
    newsroom.run()
    rollback(newsroom.warehouse)
    return newsroom


@pytest.fixture
def pinned(gone_back: Newsroom, tmp_path: Path) -> Newsroom:
    """A copy of it that a test may change."""
    return gone_back.copy(tmp_path)


def test_a_takedown_keeps_the_pin_and_a_full_refresh_ends_it(pinned: Newsroom) -> None:
    done = purge(pinned.warehouse, path="news/c.md")
    assert done["is_pinned"]
    assert titles(pinned) == {"a 1", "b 1"}

    quiet = pinned.run()
    assert (quiet.published, quiet.notices) == (False, [PINNED])
    assert told(pinned)["pin"] == publish.current(Home.of(pinned.warehouse))
    assert "pinned     by a rollback" in "\n".join(status_lines(told(pinned)))
    assert PINNED in standing(pinned)
    assert verify(pinned.warehouse)["is_pinned"]

    anew = pinned.run(full_refresh=True)
    assert anew.published
    assert any("the pin of a rollback" in notice and "--full-refresh" in notice for notice in anew.notices)
    assert titles(pinned) == {"a 2", "b 1"}
    assert (told(pinned)["pin"], told(pinned)["is_behind"], standing(pinned)) == (None, False, "")


def test_a_takedown_that_was_cut_off_keeps_the_pin(pinned: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    for name in ("flip", "prune"):
        with monkeypatch.context() as patch:
            patch.setattr(publish, name, die)
            with pytest.raises(KeyboardInterrupt):
                purge(pinned.warehouse, path="news/c.md")
        assert told(pinned)["pin"] is not None
    assert pinned.run().notices[-1] == PINNED
    assert titles(pinned) == {"a 1", "b 1"}


def test_a_takedown_cut_off_between_link_and_ledger_keeps_the_pin(
    pinned: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(releases, "write_release", die)
        with pytest.raises(KeyboardInterrupt):
            purge(pinned.warehouse, path="news/c.md")
    assert pinned.run().notices[-1] == PINNED
    assert titles(pinned) == {"a 1", "b 1"}


def test_a_takedown_does_not_hide_what_a_refused_run_recorded(newsroom: Newsroom) -> None:
    for name in ("a", "b", "c", "d"):
        write(newsroom, name, 1)
    newsroom.run()
    write(newsroom, "a", 2)
    (newsroom.folder / "bad.md").write_text("none")
    with pytest.raises(Refused):
        newsroom.run(max_quarantine=0.0)
    purge(newsroom.warehouse, path="news/d.md")
    assert titles(newsroom) == {"a 1", "b 1", "c 1"}
    assert told(newsroom)["is_behind"]
    assert "has something newer" in standing(newsroom)
    assert verify(newsroom.warehouse)["is_behind"]

    assert newsroom.run().published
    assert titles(newsroom) == {"a 2", "b 1", "c 1"}


def test_what_was_refused_before_a_rollback_does_not_end_its_pin(newsroom: Newsroom) -> None:
    write(newsroom, "a", 1)
    newsroom.run()
    write(newsroom, "a", 2)
    newsroom.run()
    write(newsroom, "a", 3)
    (newsroom.folder / "bad.md").write_text("none")
    with pytest.raises(Refused):
        newsroom.run(max_quarantine=0.0)
    rollback(newsroom.warehouse)
    assert newsroom.run().notices[-1] == PINNED
    assert titles(newsroom) == {"a 1"}


def test_a_release_that_nobody_pinned_and_is_behind_is_told(pinned: Newsroom) -> None:
    """The link was moved by hand, or restored from elsewhere."""
    pinned.run(full_refresh=True)
    home = Home.of(pinned.warehouse)
    publish.flip(home, publish.release_ids(home)[0])

    assert told(pinned)["is_behind"]
    assert "behind     the ledger has something newer" in "\n".join(status_lines(told(pinned)))
    assert "newsmart_release_behind 1" in status_prometheus(told(pinned))
    assert "has something newer" in standing(pinned)
    done = newsmart("verify", "--warehouse", pinned.warehouse)
    assert (done.returncode, "behind the ledger" in done.stderr) == (1, True)
    assert pinned.run().published
    assert not told(pinned)["is_behind"]


def test_verify_says_that_a_release_is_pinned(pinned: Newsroom) -> None:
    done = newsmart("verify", "--warehouse", pinned.warehouse)
    assert (done.returncode, done.stdout.splitlines()[-1].startswith("pinned: ")) == (0, True)


def test_the_pinned_release_is_told_though_fewer_are_kept(pinned: Newsroom) -> None:
    pinned.run(settings=Settings(keep_releases=1))
    home = Home.of(pinned.warehouse)
    assert [one.status for one in examine(home, recorded(home)) if one.name == "releases"] == ["ok"]


class Standing(RuleBasedStateMachine):
    """Any order of what changes the ledger, the release, or both."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp())
        self.room = Newsroom.below(self.place)
        self.number = 0
        self.is_pinned = False
        self.is_tampered = False
        self.has_unrecorded = False
        self.copies = 0
        self.saved: tuple[bool, int] | None = None

    def teardown(self) -> None:
        shutil.rmtree(self.place)

    @initialize()
    def begin(self) -> None:
        for name in ("a", "b", "c", "d"):
            write(self.room, name, 0)
        self.room.run()

    @property
    def home(self) -> Home:
        return Home.of(self.room.warehouse)

    @rule()
    def change(self) -> None:
        self.number += 1
        write(self.room, "a", self.number)
        self.has_unrecorded = True

    def _run(self, **options: Any) -> None:
        ends_pin = self.has_unrecorded or options.get("full_refresh") or self.is_tampered
        result = self.room.run(**options)
        self.is_pinned = self.is_pinned and not ends_pin
        self.has_unrecorded = self.is_tampered = False
        assert (PINNED in result.notices) == self.is_pinned
        if not self.is_pinned:
            assert self._shown() == self._built()
            assert not told(self.room)["is_behind"]

    @rule()
    def run(self) -> None:
        self._run()

    @rule()
    def refresh(self) -> None:
        self._run(full_refresh=True)

    @rule()
    def reparse(self) -> None:
        self._run(reparse=True)

    @rule()
    def be_refused(self) -> None:
        """A refused run records what it saw, and publishes nothing; what it recorded lifts a pin in the next."""
        bad = self.room.write("bad.md", "none")
        with pytest.raises(Refused):
            self.room.run(max_quarantine=0.0)
        bad.unlink()

    @rule()
    def roll_back(self) -> None:
        try:
            rollback(self.room.warehouse)
        except RunFailed:
            return
        self.is_pinned, self.is_tampered = True, False
        self.has_unrecorded = self._is_unrecorded()

    def _is_unrecorded(self) -> bool:
        """Tell whether the source holds what the ledger does not."""
        file = self._build()
        with duckdb.connect(file, read_only=True) as connection:
            rows = connection.execute("select title from dim_article where url like '%/a'").fetchall()
        return rows != [(f"a {self.number}",)]

    @rule()
    def take_down(self) -> None:
        name = f"gone{self.number}"
        write(self.room, name, 0)
        with _ignored():
            purge(self.room.warehouse, path=f"news/{name}.md")
        self.room.remove(f"{name}.md")

    @precondition(lambda self: (self.room.folder / "d.md").exists())
    @rule()
    def take_down_what_is_there(self) -> None:
        purge(self.room.warehouse, path="news/d.md")
        self.room.remove("d.md")
        self.is_tampered = False
        self.saved = None

    @rule()
    def upkeep(self) -> None:
        maintain(self.room.warehouse)

    @precondition(lambda self: not self.is_tampered)
    @rule()
    def save(self) -> None:
        self.copies += 1
        backup(self.home, self.place / f"backup{self.copies}")
        self.saved = (self.is_pinned, self.copies)

    @precondition(lambda self: self.saved is not None)
    @rule()
    def put_back(self) -> None:
        assert self.saved is not None
        restore(self.place / f"backup{self.saved[1]}", self.home, force=True)
        self.is_pinned, self.is_tampered = self.saved[0], False
        self.has_unrecorded = self._is_unrecorded()

    @rule()
    def tamper(self) -> None:
        file = self.room.warehouse.resolve()
        file.chmod(0o644)
        with duckdb.connect(file) as connection:
            connection.execute("update dim_topic set topic = 'forged'")
            connection.execute("create table forged as select 1 as one")
        self.is_tampered = True

    def _shown(self) -> Any:
        return self.room.one("select fingerprint from ops.release")

    def _build(self) -> Path:
        self.copies += 1
        file = self.place / f"built{self.copies}.duckdb"
        build_as_of(self.room.warehouse, self.room.next_as_of, file)
        return file

    def _built(self) -> Any:
        with duckdb.connect(self._build(), read_only=True) as connection:
            ((fingerprint,),) = connection.execute("select fingerprint from ops.release").fetchall()
        return fingerprint

    @invariant()
    def old_data_is_told(self) -> None:
        if not self.home.ledger.exists() or self.is_tampered or self._shown() == self._built():
            return
        seen = told(self.room)
        assert seen["pin"] is not None or seen["is_behind"]
        assert (seen["pin"] is not None) == self.is_pinned
        assert standing(self.room)


@contextmanager
def _ignored() -> Iterator[None]:
    """Let a takedown of what was never there pass."""
    try:
        yield
    except UsageError:
        return


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_old_data_is_always_told() -> None:
    run_state_machine_as_test(
        Standing,
        settings=settings(
            max_examples=60, stateful_step_count=6, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
