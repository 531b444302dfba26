"""A run that fails is told in state.json, whatever failed, and never with another run's numbers as its own."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.commands.status import status_lines, status_object
from flows.pipeline import direct
from flows.pipeline.backfill import plan
from flows.settings import Settings
from schemas.errors import LedgerDamaged, NewsmartError, Refused, UsageError
from tests.documents import make_document
from tests.newsroom import A_DAY, FIRST_AS_OF, Newsroom
from warehouse.home import Home
from warehouse.release import releases, runs
from warehouse.release.freshness import recorded
from warehouse.run_state import state_before
from warehouse.upkeep.doctor import examine

FAILED_AT = FIRST_AS_OF + A_DAY


def status(room: Newsroom) -> dict[str, Any]:
    home = Home.of(room.warehouse)
    return status_object(home, state_before(home), FAILED_AT)


def check_failure_is_told(room: Newsroom, words: str, status_told: str = "failed") -> None:
    """Hold that the failure is the last run, and all else what the run before has left."""
    told = status(room)
    assert (told["run"]["run_id"], told["run"]["status"]) == (runs.run_id_of(FAILED_AT), status_told)
    assert words in told["run"]["error"]
    assert told["balance"]["new"] == 1
    assert told["balance_run_id"] == runs.run_id_of(FIRST_AS_OF)
    assert told["release"]["documents"] == 1
    lines = "\n".join(status_lines(told))
    assert words in lines
    assert f"balance    that of {runs.run_id_of(FIRST_AS_OF)}" in lines


def test_a_damaged_ledger_is_a_failed_run_in_status(published: Newsroom) -> None:
    Home.of(published.warehouse).ledger.write_bytes(b"x" * 5000)
    with pytest.raises(LedgerDamaged):
        published.run()
    check_failure_is_told(published, "ledger is damaged")


def test_a_ledger_that_fails_on_the_way_is_a_failed_run_in_status(
    published: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise duckdb.FatalException("the database has been invalidated by an earlier error")

    monkeypatch.setattr(direct, "read_and_record", fail)
    monkeypatch.setattr(releases, "all_releases", fail)
    with pytest.raises(NewsmartError):
        published.run()
    monkeypatch.undo()
    check_failure_is_told(published, "invalidated")


def test_a_run_that_was_interrupted_is_told(published: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(direct, "read_and_record", interrupt)
    with pytest.raises(KeyboardInterrupt):
        published.run()
    check_failure_is_told(published, "KeyboardInterrupt")


def test_a_run_that_fails_before_it_counts_does_not_own_the_balance(published: Newsroom) -> None:
    published.remove("a.md")
    with pytest.raises(Refused):
        published.run()
    check_failure_is_told(published, "no document", "refused")
    assert status(published)["balance_run_id"] == runs.run_id_of(FIRST_AS_OF)

    published.write("a.md", make_document("other"))
    published.run()
    assert status(published)["balance_run_id"] == status(published)["run"]["run_id"]


def test_an_as_of_that_is_refused_is_a_failed_run_without_one(published: Newsroom) -> None:
    with pytest.raises(UsageError):
        published.run(FIRST_AS_OF)
    told = status(published)
    assert (told["run"]["run_id"], told["run"]["as_of"], told["run"]["status"]) == (None, None, "failed")
    assert told["balance_run_id"] == runs.run_id_of(FIRST_AS_OF)
    assert "one that had no as-of yet failed" in "\n".join(status_lines(told))


def test_a_run_goes_on_over_a_damaged_state_and_says_so(published: Newsroom) -> None:
    home = Home.of(published.warehouse)
    for content in ("[]", '{"version": 1, "run": {"notices": 5}, "pin": []}'):
        home.state.write_text(content)
        (finding,) = (one for one in examine(home, recorded(home)) if one.name == "state")
        assert (finding.status, "damaged" in finding.text) == ("warn", True)
        done = published.run(FIRST_AS_OF + (A_DAY if content == "[]" else 2 * A_DAY))
        assert not done.published
        assert any("state is damaged" in notice and "anew" in notice for notice in done.notices)
        assert status(published)["release"]["documents"] == 1


def test_a_backfill_takes_the_step_that_was_refused_again(newsroom: Newsroom, tmp_path: Path) -> None:
    for number in range(3):
        newsroom.write(f"{number}.md", make_document(str(number), f"https://example.com/{number}"))
    steps = [{"as_of": str(FIRST_AS_OF + day * A_DAY), "folder": str(newsroom.folder)} for day in range(4)]
    manifest = tmp_path / "manifest.json"
    manifest.write_text(json.dumps(steps))

    def left() -> list[Any]:
        return [request.as_of for request in plan(manifest, "news", newsroom.warehouse, Settings())[0]]

    assert len(left()) == 4
    newsroom.run()
    assert left()[0] == FAILED_AT
    newsroom.remove("0.md")
    newsroom.remove("1.md")
    with pytest.raises(Refused):
        newsroom.run()
    assert left()[0] == FAILED_AT
    Home.of(newsroom.warehouse).state.unlink()
    newsroom.run(FAILED_AT, allow_shrink=True)
    assert left()[0] == FAILED_AT + A_DAY
