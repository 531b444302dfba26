"""Every attempt at a run that was asked for is told: in state.json, the metrics and by the hooks; no other is."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.commands.status import status_object, status_prometheus
from schemas.errors import LockedError, RunFailed, UsageError
from tests.conftest import Command
from tests.newsroom import FIRST_AS_OF, Newsroom
from tests.proofs.scene import newsmart
from warehouse.home import Home
from warehouse.lock import hold
from warehouse.run_state import attempt, state_before


class Watched:
    """A warehouse with one release, whose runs are watched by a hook."""

    def __init__(self, room: Newsroom, command: Command) -> None:
        self.room, self.command, self.told = room, command, room.folder.parent / "told.jsonl"
        self.home = Home.of(room.warehouse)

    def call(self, *arguments: object, **environment: str) -> tuple[int, str]:
        """Call newsmart with a hook; return the exit status and what it said of errors."""
        hook = ("--on-failure", f"tee -a {self.told}")
        done = self.command(*arguments, "--warehouse", self.room.warehouse, *hook, environment=environment)
        return done.returncode, done.stderr

    def run(self, *arguments: object, **environment: str) -> tuple[int, str]:
        """Run without Prefect."""
        source = f"news={self.room.folder}"
        return self.call("run", "--direct", "--quiet", "--source", source, *arguments, **environment)

    def status(self) -> dict[str, Any]:
        """What `newsmart status` tells."""
        return status_object(self.home, state_before(self.home), self.room.next_as_of)

    def events(self) -> list[dict[str, Any]]:
        """What the hook was told."""
        text = self.told.read_text() if self.told.exists() else ""
        decoder, events = json.JSONDecoder(), []
        while text:
            event, end = decoder.raw_decode(text)
            events.append(event)
            text = text[end:]
        return events

    def check_told(self, words: str, status: str = "failed") -> None:
        """Hold that the attempt is the last run, and that the hook was told once."""
        seen = self.status()
        assert (seen["run"]["status"], words in seen["run"]["error"]) == (status, True)
        assert "newsmart_last_run_ok 0" in status_prometheus(seen)
        assert (seen["release"]["documents"], seen["balance"]["new"]) == (1, 1)
        ((event),) = self.events()
        assert (event["event"], event["status"], words in event["error"]) == ("newsmart.run.failed", status, True)
        assert event["warehouse"] == str(self.room.warehouse)


@pytest.fixture
def watched(published: Newsroom, command: Command) -> Watched:
    return Watched(published, command)


def test_a_source_that_is_gone(watched: Watched) -> None:
    shutil.rmtree(watched.room.folder)
    assert watched.run()[0] == 2
    watched.check_told("no such source folder")
    assert watched.command("status", "--warehouse", watched.room.warehouse).stdout.count("failed") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--as-of", FIRST_AS_OF.isoformat()), "later than the last run's"),
        (("--as-of", "2999-01-01"), "more than a day ahead"),
        (("--as-of", "soon"), "not a time in ISO 8601"),
        (("--max-quarantine", "7"), "a share from 0 to 1"),
        (("--source", "news=/tmp"), "the same name"),
    ],
)
def test_a_request_that_does_not_fit(watched: Watched, arguments: tuple[str, ...], words: str) -> None:
    status, error = watched.run(*arguments)
    assert (status, words in error) == (2, True)
    watched.check_told(words)
    assert watched.status()["run"]["run_id"] is None, "a refused as-of may be that of another run"


def test_settings_that_do_not_fit(watched: Watched) -> None:
    assert watched.run(NEWSMART_WORKERS="many")[0] == 2
    watched.check_told("the setting workers must be")


def test_a_settings_file_that_cannot_be_read(watched: Watched, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    file.write_text("warehouse = [")
    assert watched.run(NEWSMART_SETTINGS=str(file))[0] == 2
    watched.check_told("the settings file cannot be read")


def test_the_warehouse_and_the_hook_of_settings_that_are_wrong_elsewhere(watched: Watched, tmp_path: Path) -> None:
    file = tmp_path / "wrong.toml"
    hook = f"tee -a {watched.told}"
    file.write_text(f'warehouse = "{watched.room.warehouse}"\non_failure = "{hook}"\nkeep_runs = -1\n')
    done = watched.command("run", "--direct", environment={"NEWSMART_SETTINGS": str(file)})
    assert done.returncode == 2
    watched.check_told("the setting keep_runs must be")


def test_a_file_in_the_links_place(watched: Watched) -> None:
    content = watched.room.warehouse.read_bytes()
    watched.room.warehouse.unlink()
    watched.room.warehouse.write_bytes(content)
    assert watched.run()[0] == 2
    assert "taken by something" in watched.status()["run"]["error"]
    assert len(watched.events()) == 1


@pytest.mark.slow
def test_a_server_that_does_not_answer(watched: Watched) -> None:
    watched.command = newsmart  # Prefect's settings are a process's own
    status, _ = watched.call("run", "--source", f"news={watched.room.folder}", PREFECT_API_URL="http://127.0.0.1:9/api")
    assert status == 1
    watched.check_told("no Prefect server answers")


@pytest.mark.slow
def test_a_flow_run_tells_once(watched: Watched) -> None:
    watched.command = newsmart
    assert watched.call("run", "--source", f"news={watched.room.folder}", "--as-of", "2999-01-01")[0] == 2
    watched.check_told("more than a day ahead")


def test_serve_that_cannot_start(watched: Watched) -> None:
    shutil.rmtree(watched.room.folder)
    assert watched.call("serve", "--source", f"news={watched.room.folder}")[0] == 2
    watched.check_told("no such source folder")


def test_a_run_that_has_begun_tells_itself_and_is_told_once(watched: Watched) -> None:
    for number in range(11):
        watched.room.write(f"bad{number}.md", "none")
    assert watched.run()[0] == 1
    seen = watched.status()
    assert seen["run"]["status"] == "refused"
    assert seen["balance_run_id"] == seen["run"]["run_id"]
    (event,) = watched.events()
    assert (event["status"], event["run_id"]) == ("refused", seen["run"]["run_id"])


def test_an_attempt_that_meets_the_lock_leaves_the_state_to_the_run(watched: Watched) -> None:
    before = watched.home.state.read_bytes()
    with hold(watched.home):
        assert watched.run()[0] == 3
        shutil.move(watched.room.folder, watched.room.folder.with_name("elsewhere"))
        assert watched.run()[0] == 2
    assert watched.home.state.read_bytes() == before


def test_what_was_never_asked_for_is_not_told(watched: Watched) -> None:
    before = watched.home.state.read_bytes()
    assert watched.run("--no-such-option")[0] == 2
    assert watched.command("backfill", "nowhere.json", "--warehouse", watched.room.warehouse).returncode == 2
    assert watched.command("query", "nonsense", "--warehouse", watched.room.warehouse).returncode != 0
    assert (watched.home.state.read_bytes(), watched.events()) == (before, [])


def test_a_wrong_first_command_makes_no_folder_and_calls_the_hook(newsroom: Newsroom, command: Command) -> None:
    watched = Watched(newsroom, command)
    shutil.rmtree(newsroom.folder)
    assert watched.run()[0] == 2
    assert not newsroom.warehouse.parent.exists()
    assert [event["status"] for event in watched.events()] == ["failed"]


def test_what_a_later_run_told_is_not_overwritten(watched: Watched) -> None:
    with pytest.raises(RunFailed), attempt(watched.room.warehouse):
        watched.room.run()
        raise RunFailed("Prefect's server went away after the run")
    assert watched.status()["run"]["status"] == "unchanged"


def test_hooks_hear_of_any_error_and_state_of_all_but_a_held_lock(watched: Watched) -> None:
    heard: list[Exception] = []
    for error in (UsageError("x"), LockedError("y"), ZeroDivisionError("z")):
        with pytest.raises(type(error)), attempt(watched.room.warehouse, heard.append):
            raise error
    assert [str(error) for error in heard] == ["x", "y", "z"]
    assert watched.status()["run"]["error"] == "z"
