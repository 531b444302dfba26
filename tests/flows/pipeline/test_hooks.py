"""Hooks tell the user's command and address, and never fail a run."""

import json
from pathlib import Path

import psutil
import pytest

from flows.pipeline import hooks
from flows.process import NO_HOME, OWN_ENVIRONMENT
from flows.settings import Settings
from tests.listener import listener
from tests.soak.served import wait_for

WAREHOUSE = "out/news.duckdb"


def notify_failure(settings: Settings, error: str = "x") -> tuple[str, ...]:
    return hooks.notify_failure(settings, WAREHOUSE, "refused", error, "run-1")


def test_nothing_is_told_by_default() -> None:
    assert notify_failure(Settings()) == ()


def test_the_command_gets_the_event_and_no_shell_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "told"
    monkeypatch.chdir(tmp_path)  # the command writes files called `;` and `touch`
    warnings = notify_failure(Settings(on_failure=f"tee '{told}' ; touch {tmp_path}/pwned"), "too much")
    event = json.loads(told.read_text())
    assert warnings == ()
    fields = {"status": "refused", "error": "too much", "warehouse": WAREHOUSE, "run_id": "run-1"}
    assert event == {"event": "newsmart.run.failed", **fields}
    assert not (tmp_path / "pwned").is_dir()
    assert json.loads((tmp_path / "pwned").read_text()) == event


def test_the_command_is_started_without_what_a_run_sets_for_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tmp_path / "told"
    for name, value in {**OWN_ENVIRONMENT, "HOME": NO_HOME, "MINE": "1"}.items():
        monkeypatch.setenv(name, value)
    assert notify_failure(Settings(on_failure=f"sh -c 'env > {told}'")) == ()
    names = {line.partition("=")[0] for line in told.read_text().splitlines()}
    assert "MINE" in names
    assert names.isdisjoint({"HOME", "ARROW_DEFAULT_MEMORY_POOL", "PYDANTIC_DISABLE_PLUGINS"})


@pytest.mark.parametrize(
    ("command", "words"), [("false", "status 1"), ("no-such-program", "did not run"), ("'", "did not run")]
)
def test_a_command_that_fails_is_a_warning(command: str, words: str) -> None:
    (warning,) = notify_failure(Settings(on_failure=command))
    assert words in warning


def test_a_command_that_takes_too_long_ends_with_all_that_it_has_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "COMMAND_SECONDS", 1.0)
    helper = tmp_path / "helper"
    (warning,) = notify_failure(Settings(on_failure=f"sh -c 'sleep 60 & echo $! > {helper}; wait'"))
    assert "timed out" in warning
    process = int(helper.read_text())
    wait_for(lambda: not psutil.pid_exists(process) or psutil.Process(process).status() == "zombie", 10, "it goes on")


def test_the_webhook_is_told() -> None:
    with listener(204) as (address, told):
        assert notify_failure(Settings(webhook=address), "é") == ()
    assert json.loads(told[0])["error"] == "é"


def test_a_webhook_that_fails_is_a_warning_without_its_secret() -> None:
    with listener(500) as (address, _):
        (warning,) = notify_failure(Settings(webhook=address))
    assert "500" in warning
    assert "token-123" not in warning


def test_a_webhook_is_http_only() -> None:
    assert notify_failure(Settings(webhook="file:///etc/passwd")) == ("the webhook is no http(s) address",)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_webhook_leads_nowhere_else(status: int) -> None:
    with listener(204) as (other, told_other), listener(status, other) as (address, told):
        (warning,) = notify_failure(Settings(webhook=address))
    assert (len(told), told_other) == (1, [])
    assert str(status) in warning
