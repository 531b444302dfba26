"""Who is told when a release is out, and what; and that being told never harms the run."""

import json
import socket
from pathlib import Path
from typing import Any

import pytest

from flows.cli import main
from flows.pipeline import hooks
from flows.pipeline import run as run_module
from flows.pipeline.hooks import notify_published
from flows.pipeline.request import RunResult
from flows.settings import Settings
from schemas.errors import RunFailed, SourceUnreadable
from tests.documents import make_document, make_mention
from tests.listener import listener
from tests.newsroom import Newsroom
from warehouse.clock import as_text
from warehouse.upkeep.takedown import purge

URL = "https://example.com/{}"
SECRET = "a headline that was taken down"


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> tuple[Newsroom, RunResult, RunResult]:
    """A newsroom of two releases: of three articles one was renamed, one withdrawn, and one has departed."""
    room = Newsroom.below(tmp_path_factory.mktemp("story"))
    for name in ("a", "b", "c"):
        room.write(f"{name}.md", make_document(f"{name} 1", URL.format(name)))
    first = room.run()
    room.write("a.md", make_document("a 2", URL.format("a")))
    room.write("b.md", make_document("b 1", URL.format("b"), removed=True))
    room.remove("c.md")
    return room, first, room.run()


def event_of(room: Newsroom, result: RunResult) -> dict[str, Any]:
    return hooks.published_event(room.warehouse, Path(str(result.release)))


def counts(**known: int) -> dict[str, int]:
    return {**dict.fromkeys(("added", "changed", "merged", "departed", "withdrawn"), 0), **known}


def test_the_event_says_what_the_release_changed(story: tuple[Newsroom, RunResult, RunResult]) -> None:
    room, first, second = story
    assert event_of(room, second) == {
        "event": "newsmart.release.published",
        "warehouse": str(room.warehouse),
        "run_id": second.run_id,
        "release_id": Path(str(second.release)).parent.name,
        "path": second.release,
        "as_of": as_text(second.as_of),
        "articles": counts(changed=2, departed=1, withdrawn=1),
        "headlines": [{"url": URL.format("a"), "before": "a 1", "after": "a 2"}],
    }
    event = event_of(room, first)
    assert (event["articles"], event["headlines"]) == (counts(added=3), [])
    assert json.loads(json.dumps(event)) == event


def test_what_was_not_compared_is_unknown_and_what_was_merged_is_counted(newsroom: Newsroom) -> None:
    one, other = URL.format("one/council-votes-budget"), URL.format("other/council-votes-budget")
    newsroom.write("a.md", make_document("a", one))
    newsroom.write("b.md", make_document("b", other))
    newsroom.run()
    newsroom.write("b.md", make_document("b", other, originalUrl=one))
    assert event_of(newsroom, newsroom.run())["articles"]["merged"] == 1
    newsroom.warehouse.resolve().chmod(0o644)
    newsroom.warehouse.resolve().write_bytes(b"")
    event = event_of(newsroom, newsroom.run())
    assert set(event["articles"].values()) == {None}


def test_headlines_are_few_short_and_the_most_cited_first(newsroom: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "MOST_HEADLINES", 2)
    monkeypatch.setattr(hooks, "MOST_CHARACTERS", 5)
    for day in ("before", "after"):
        for name in ("a", "b", "c"):
            listed = [make_mention(f"c {day}", URL.format("c"))] if name != "c" else []
            newsroom.write(f"{name}.md", make_document(f"{name} {day}", URL.format(name), related=listed))
        result = newsroom.run()
    headlines = event_of(newsroom, result)["headlines"]
    assert len(headlines) == 2
    assert headlines[0] == {"url": URL.format("c"), "before": "c bef", "after": "c aft"}


def test_nothing_that_was_taken_down_is_in_a_later_event(newsroom: Newsroom) -> None:
    newsroom.write("a.md", make_document("first", URL.format("a")))
    newsroom.write("b.md", make_document("b", URL.format("b")))
    newsroom.run()
    newsroom.write("a.md", make_document(SECRET, URL.format("a")))
    told = newsroom.run()
    assert SECRET in str(event_of(newsroom, told))
    purge(newsroom.warehouse, url=URL.format("a"))
    with pytest.raises(RunFailed, match="the release is gone"):
        event_of(newsroom, told)
    (warning,) = notify_published(Settings(on_publish="true"), newsroom.warehouse, told.release)
    assert "nobody was told" in warning
    newsroom.write("b.md", make_document("b 2", URL.format("b")))
    event = event_of(newsroom, newsroom.run())
    assert (event["articles"]["changed"], SECRET in str(event)) == (1, False)


def run(room: Newsroom, *options: str) -> int:
    """Run as the command does, without Prefect."""
    given = ("--source", f"news={room.folder}", "--warehouse", str(room.warehouse))
    return main(["run", "--direct", "--quiet", *given, *options])


def test_the_command_is_told_once_of_each_release_and_of_nothing_else(newsroom: Newsroom, tmp_path: Path) -> None:
    told = tmp_path / "told"
    hook = ("--on-publish", f"tee -a {told}")
    newsroom.write("a.md", make_document("a"))
    assert run(newsroom, *hook) == 0
    event = json.loads(told.read_text())
    assert (event["warehouse"], event["articles"]["added"]) == (str(newsroom.warehouse), 1)
    assert run(newsroom, *hook) == 0
    newsroom.remove("a.md")
    assert run(newsroom, *hook) == 1
    assert json.loads(told.read_text()) == event


def test_a_release_of_a_run_that_then_failed_is_told_too(
    newsroom: Newsroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise SourceUnreadable("folders could not be listed")

    monkeypatch.setattr(run_module, "check_all_listed", refuse)
    newsroom.write("a.md", make_document("a"))
    told, failed = tmp_path / "told", tmp_path / "failed"
    assert run(newsroom, "--on-publish", f"tee {told}", "--on-failure", f"tee {failed}") == 1
    assert json.loads(told.read_text())["event"] == "newsmart.release.published"
    assert json.loads(failed.read_text())["event"] == "newsmart.run.failed"


@pytest.mark.parametrize(
    ("command", "words"),
    [("false", "ended with status 1"), ("no-such-program", "did not run"), ("sleep 30", "timed out"), ("'", "did not")],
)
def test_a_command_that_fails_hangs_or_does_not_start_is_one_warning(
    story: tuple[Newsroom, RunResult, RunResult], monkeypatch: pytest.MonkeyPatch, command: str, words: str
) -> None:
    room, _, result = story
    monkeypatch.setattr(hooks, "COMMAND_SECONDS", 0.2)
    (warning,) = notify_published(Settings(on_publish=command), room.warehouse, result.release)
    assert ("on-publish command" in warning, words in warning) == (True, True)


def test_after_a_command_that_fails_the_run_is_well(newsroom: Newsroom, capsys: pytest.CaptureFixture[str]) -> None:
    newsroom.write("a.md", make_document("a"))
    assert run(newsroom, "--on-publish", "false") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert ("on-publish command" in line, "ended with status 1" in line) == (True, True)


def test_the_webhook_is_told_and_one_that_fails_is_one_warning(
    story: tuple[Newsroom, RunResult, RunResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    room, _, result = story

    def notify(address: str) -> tuple[str, ...]:
        return notify_published(Settings(publish_webhook=address), room.warehouse, result.release)

    with listener(204) as (address, told):
        assert notify(address) == ()
    assert json.loads(told[0]) == event_of(room, result)
    with listener(500) as (address, _):
        (warning,) = notify(address)
    assert ("500" in warning, "token-123" in warning) == (True, False)
    monkeypatch.setattr(hooks, "WEBHOOK_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        (warning,) = notify(f"http://127.0.0.1:{silent.getsockname()[1]}/token-123")
    assert ("publish webhook at 127.0.0.1" in warning, "token-123" in warning) == (True, False)
    assert notify("http://[") != ()


def test_nothing_is_asked_of_the_release_where_nobody_is_to_be_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(hooks, "published_event", never)
    assert notify_published(Settings(), Path("out.duckdb"), "nowhere") == ()
