"""A clock that is wrong for a while: no run is stopped, no age is negative, nothing is deleted before its time."""

import os
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from flows.commands.status import status_lines, status_object, status_prometheus
from flows.pipeline import direct, intake, release
from flows.pipeline import run as run_module
from flows.pipeline.request import RunRequest, RunResult
from flows.sources.scan import Source
from schemas.errors import UsageError
from tests.documents import make_document
from tests.newsroom import Newsroom
from warehouse import run_state
from warehouse.home import Home
from warehouse.ledger.opening import open_ledger
from warehouse.release.publish import current, release_ids
from warehouse.report import render
from warehouse.run_state import state_before
from warehouse.state import read_state
from warehouse.upkeep import doctor, operations, takedown
from warehouse.upkeep.operations import maintain, rollback
from warehouse.upkeep.takedown import purge

TRUE = datetime(2026, 3, 1, 12)
A_DAY = timedelta(days=1)


class Clock:
    """The system's clock, as all of newsmart reads it, and a warehouse that is run by it."""

    def __init__(self, room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room, self.now = room, TRUE
        for module in (run_module, release, run_state, operations, takedown):
            monkeypatch.setattr(module, "utc_now", lambda: self.now)
        monkeypatch.setattr(doctor, "utc_now", lambda: self.now)

    def run(self, title: str | None = None, at: datetime | None = None, **options: Any) -> RunResult:
        """Run at a time of the clock, after the document was given a title."""
        self.now = self.now if at is None else at
        if title is not None:
            self.room.write("a.md", make_document(title))
        source = Source("news", str(self.room.folder))
        done = direct.run_direct(RunRequest((source,), self.room.warehouse, **options))
        self.now += timedelta(minutes=1)
        return done

    def status(self) -> dict[str, Any]:
        """What `newsmart status` tells now."""
        home = Home.of(self.room.warehouse)
        return status_object(home, state_before(home), self.now)


@pytest.fixture
def clock(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(newsroom, monkeypatch)


@pytest.fixture(scope="module")
def ran_ahead(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A warehouse whose only run was ten days ahead of the true time, to be copied."""
    room = Newsroom.below(tmp_path_factory.mktemp("ahead"))
    with pytest.MonkeyPatch.context() as patch:
        Clock(room, patch).run("one", TRUE + 10 * A_DAY)
    return room


@pytest.fixture
def ahead(ran_ahead: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A copy of it, and the clock that is right again."""
    return Clock(ran_ahead.copy(tmp_path), monkeypatch)


@pytest.fixture(scope="module")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A warehouse whose only run was at the true time, to be copied."""
    room = Newsroom.below(tmp_path_factory.mktemp("once"))
    with pytest.MonkeyPatch.context() as patch:
        Clock(room, patch).run("one")
    return room


@pytest.fixture
def begun(ran_once: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A copy of it, and the clock."""
    return Clock(ran_once.copy(tmp_path), monkeypatch)


def findings(clock: Clock) -> list[str]:
    """What the doctor tells of the clock."""
    return [one.text for one in doctor.examine(Home.of(clock.room.warehouse)) if one.name == "clock"]


def test_one_run_ten_days_ahead_stops_no_later_one(begun: Clock) -> None:
    begun.run("two", TRUE + 10 * A_DAY)
    assert findings(begun) == []
    for number, title in enumerate(("three", None)):
        done = begun.run(title, TRUE + A_DAY + number * timedelta(hours=1))
        assert done.published == (title is not None)
        assert done.as_of == TRUE + 10 * A_DAY + (number + 1) * timedelta(seconds=1)
        assert ["the clock is wrong, or was" in notice for notice in done.notices] == [True]
        assert "8 d 2" in next(line for line in status_lines(begun.status()) if line.startswith("clock"))
        assert len(findings(begun)) == 1
    spans = begun.room.query("select valid_from, valid_to from article_history order by valid_from")
    assert len(spans) == 3
    assert all(until is None or since < until for since, until in spans)
    assert begun.room.one("select title from dim_article") == "three"

    caught_up = begun.run("four", TRUE + 11 * A_DAY)
    assert (caught_up.as_of, caught_up.notices) == (TRUE + 11 * A_DAY, [])
    assert findings(begun) == []
    assert not any(line.startswith("clock") for line in status_lines(begun.status()))


def test_an_as_of_that_no_longer_fits_gets_advice_that_works(ahead: Clock) -> None:
    for given in (TRUE, TRUE + A_DAY):
        with pytest.raises(UsageError, match="leave --as-of out"):
            ahead.run("two", as_of=given)
        ahead.now = TRUE
    assert ahead.run("two").published


def test_a_scheduled_run_goes_on_and_says_so(ahead: Clock) -> None:
    done = ahead.run("two", TRUE, scheduled_at=TRUE)
    assert done.published
    assert len(done.notices) == 1


def test_a_run_just_after_another_is_no_wrong_clock(begun: Clock) -> None:
    done = begun.run("two", TRUE, scheduled_at=TRUE)
    assert (done.as_of, done.notices) == (TRUE + timedelta(seconds=1), [])


def test_no_age_is_negative(ahead: Clock) -> None:
    told = ahead.status()
    ages = ("run_age_seconds", "release_age_seconds", "data_age_seconds")
    assert [told[name] for name in ages] == [0.0, 0.0, 0.0]
    assert told["clock_ahead_seconds"] == 10 * 86400
    lines = status_prometheus(told).splitlines()
    assert not any(line.rpartition(" ")[2].startswith("-") for line in lines if not line.startswith("#"))
    assert "newsmart_clock_ahead_seconds 864000" in lines
    html = render(ahead.room.warehouse, read_state(Home.of(ahead.room.warehouse)), TRUE)
    assert " 0.0 hours old when this page was made" in html


def test_a_clock_that_is_set_back_during_a_run_gives_no_negative_seconds(
    clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def set_back(*arguments: Any) -> Any:
        clock.now = TRUE - A_DAY
        return intake.read_and_record(*arguments)

    monkeypatch.setattr(direct, "read_and_record", set_back)
    assert clock.run("one").seconds["total"] == 0
    assert "newsmart_run_seconds 0" in status_prometheus(clock.status())


@pytest.mark.slow
def test_releases_are_kept_and_gone_back_to_in_the_order_of_runs(begun: Clock) -> None:
    begun.run("two", TRUE + 10 * A_DAY)
    begun.run("three", TRUE + A_DAY)
    begun.run("four")
    ids = release_ids(Home.of(begun.room.warehouse))
    assert (len(ids), ids[-1]) == (3, current(Home.of(begun.room.warehouse)))
    rollback(begun.room.warehouse)
    assert begun.room.one("select title from dim_article") == "three"
    rollback(begun.room.warehouse)
    assert begun.room.one("select title from dim_article") == "two"


def test_a_takedown_under_a_wrong_clock_shuts_out_no_later_release(clock: Clock) -> None:
    clock.room.write("secret.md", make_document("secret", "https://example.com/secret"))
    clock.run("one")
    clock.now = TRUE + 10 * A_DAY
    purge(clock.room.warehouse, path="news/secret.md")
    clock.run("two", TRUE + A_DAY)
    clock.run("three")
    rollback(clock.room.warehouse)
    assert clock.room.one("select title from dim_article") == "two"


def kept_raw(clock: Clock) -> int:
    """How many documents' bytes the ledger keeps."""
    with open_ledger(Home.of(clock.room.warehouse)) as connection:
        return len(connection.execute("select 1 from ledger.raw").fetchall())


@pytest.mark.slow
@pytest.mark.parametrize("runs_while_wrong", [0, 1, 3])
def test_nothing_is_dropped_because_a_clock_jumped_ahead(clock: Clock, runs_while_wrong: int) -> None:
    maintain_30_days = partial(maintain, clock.room.warehouse, keep_raw_days=30, keep_quarantine_days=30)
    clock.room.write("bad.md", "none")
    for day in range(6):
        clock.run(f"day {day}", TRUE + day * A_DAY)
        if day == 2:
            clock.room.write("bad.md", make_document("mended", "https://example.com/mended"))
    maintain_30_days()  # bytes of what was mended go at once
    before = kept_raw(clock)
    clock.now = TRUE + 3650 * A_DAY
    for number in range(runs_while_wrong):
        clock.run(f"wrong {number}", clock.now + number * A_DAY)
    done = maintain_30_days()
    assert (done["raw"], done["problems"]) == (0, 0)
    assert kept_raw(clock) == before + runs_while_wrong

    for day in range(6, 45):
        clock.run(None, TRUE + day * A_DAY)
    done = maintain_30_days()
    assert done["problems"] == 1
    assert 0 < done["raw"] < before


@pytest.mark.slow
def test_what_runs_once_a_month_is_dropped_in_its_time(clock: Clock) -> None:
    for month in range(5):
        clock.run(f"month {month}", TRUE + 30 * month * A_DAY)
    assert maintain(clock.room.warehouse, keep_raw_days=70)["raw"] == 2


def test_a_file_from_the_future_is_read_each_time_and_changes_nothing(clock: Clock) -> None:
    file: Path = clock.room.write("a.md", make_document("one"))
    os.utime(file, ns=(4 * 10**18, 4 * 10**18))
    clock.run()
    assert clock.run().documents["unchanged"] == 1
    file.write_text(make_document("two"))
    os.utime(file, ns=(4 * 10**18, 4 * 10**18))
    assert clock.run().documents["changed"] == 1
