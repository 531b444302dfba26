"""What a schedule's failed runs do for those who watch: the hook, the address and `status`, whatever runs them.

Only the command is used, and what it leaves for others: nothing here knows how a run is started.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.documents import make_document
from tests.listener import listener
from tests.soak.served import ROOT, Served, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(480)]

FIELDS = {"event", "status", "error", "warehouse", "run_id"}


def status(served: Served, *more: str) -> str:
    """What `newsmart status` prints."""
    command = [sys.executable, "-m", "flows.cli", "status", "--warehouse", str(served.home.file), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60).stdout


def last_run(served: Served) -> dict[str, Any]:
    """The last run, by `status --json`; nothing before the first."""
    text = status(served, "--json")
    run: dict[str, Any] = json.loads(text)["run"] if text else {}
    return run


def hook_events(file: Path) -> list[dict[str, Any]]:
    """What the command was told, an event each."""
    text, decoder, events = file.read_text() if file.exists() else "", json.JSONDecoder(), []
    while text:
        event, end = decoder.raw_decode(text)
        events.append(event)
        text = text[end:]
    return events


def test_a_scheduled_run_that_fails_is_told_once_with_its_fields(tmp_path: Path) -> None:
    file, source = tmp_path / "told.jsonl", tmp_path / "news"
    source.mkdir()
    (source / "a.md").write_text(make_document("One", "https://example.com/a"))
    with (
        listener() as (address, posted),
        Served(
            tmp_path,
            (
                *("--every", "3", "--on-failure", f"tee -a {file}", "--webhook", address),
                *("--on-publish", f"tee -a {tmp_path}/out.jsonl"),
            ),
        ) as served,
    ):
        served.wait_until_serving()
        served.wait_for_titles({"a.md": "One"}, 90)
        wait_for(lambda: last_run(served).get("status") in ("published", "unchanged"), 60, "no run ended well")
        assert (hook_events(file), posted) == ([], [])
        wait_for(lambda: len(hook_events(tmp_path / "out.jsonl")) > 0, 30, "nobody was told of the release")
        (published,) = hook_events(tmp_path / "out.jsonl")
        assert (published["warehouse"], published["articles"]["added"]) == (str(served.home.file), 1)

        for number in range(11):
            (served.source / f"bad{number}.md").write_text("no front matter")
        wait_for(lambda: last_run(served).get("status") == "refused", 60, "no run was refused")
        assert "newsmart_last_run_ok 0" in status(served, "--format", "prometheus")
        assert "refused" in status(served)

        wait_for(lambda: len(hook_events(file)) > 1, 60, "the hook was not told")
        events = hook_events(file)
        assert len({event["run_id"] for event in events}) == len(events), "once a run"
        assert events[0].keys() == FIELDS
        assert events[0]["event"] == "newsmart.run.failed"
        assert (events[0]["status"], events[0]["warehouse"]) == ("refused", str(served.home.file))
        assert "are in quarantine" in events[0]["error"]
        assert str(events[0]["run_id"]).startswith("run-"), "the id by which status and ops.run know it"
        wait_for(lambda: len(posted) > 0, 30, "the address was not told")
        assert json.loads(posted[0]) == events[0]

        for number in range(11):
            (served.source / f"bad{number}.md").unlink()
        wait_for(lambda: last_run(served).get("status") in ("published", "unchanged"), 60, "no run ended well again")
        count = len(hook_events(file))

        shutil.rmtree(served.source)
        wait_for(lambda: last_run(served).get("status") == "failed", 60, "the missing source was not told")
        assert "no such source folder" in last_run(served)["error"]
        assert "newsmart_last_run_ok 0" in status(served, "--format", "prometheus")
        wait_for(lambda: len(hook_events(file)) > count, 60, "the hook was not told of the missing source")
        assert hook_events(file)[count]["status"] == "failed"
        served.source.mkdir()
        (served.source / "a.md").write_text(make_document("Two", "https://example.com/a"))
        served.wait_for_titles({"a.md": "Two"}, 60)
