"""A backfill tells of each as-of of its manifest what became of it, and takes all in or nothing."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from flows.pipeline.backfill import plan
from flows.pipeline.direct import run_direct
from flows.settings import Settings
from schemas.errors import UsageError
from tests.conftest import Command
from tests.documents import make_document
from tests.newsroom import A_DAY, Newsroom
from tests.proofs.scene import newsmart
from warehouse.clock import as_text, utc_now
from warehouse.home import Home

DAYS = tuple(datetime(2024, 1, day) for day in range(1, 6))


class Manifest:
    """A manifest of five days, and the warehouse that takes it in."""

    def __init__(self, room: Newsroom, command: Command = newsmart) -> None:
        self.place, self.warehouse, self.command = room.folder.parent, room.warehouse, command
        for day in DAYS:
            folder = self.place / "days" / f"{day:%d}"
            folder.mkdir(parents=True)
            (folder / "a.md").write_text(make_document(f"Day {day:%d}"))

    def of(self, days: Sequence[datetime]) -> Path:
        """Write one of these days only."""
        file = self.place / "manifest.json"
        file.write_text(json.dumps([{"as_of": as_text(day), "folder": f"days/{day:%d}"} for day in days]))
        return file

    def take(self, days: Sequence[datetime], *more: str) -> tuple[int, list[str], str]:
        """Take them in; return the exit status, the lines, and what was said of errors."""
        given = (self.of(days), "--name", "days", "--direct", "--warehouse", self.warehouse, *more)
        done = self.command("backfill", *given)
        return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.fixture
def manifest(newsroom: Newsroom, command: Command) -> Manifest:
    return Manifest(newsroom, command)


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A warehouse that has taken in the first two days; only to be copied."""
    room = Newsroom.below(tmp_path_factory.mktemp("origin"))
    for request in plan(Manifest(room).of(DAYS[:2]), "days", room.warehouse, Settings())[0]:
        run_direct(request)
    return room


@pytest.fixture
def begun(origin: Newsroom, tmp_path: Path, command: Command) -> Manifest:
    """The manifest, of which two days are taken in."""
    return Manifest(origin.copy(tmp_path), command)


def outcomes(lines: Sequence[str]) -> list[str]:
    """The lines that tell what became of an as-of."""
    return [line for line in lines if line.startswith("2024-01-0")]


def test_each_as_of_is_told(begun: Manifest) -> None:
    status, lines, _ = begun.take(DAYS[:4])
    assert status == 0
    assert outcomes(lines) == [
        "2024-01-01T00:00:00Z: recorded before, published",
        "2024-01-02T00:00:00Z: recorded before, published",
        "2024-01-03T00:00:00Z: taken in",
        "2024-01-04T00:00:00Z: taken in",
    ]
    status, lines, _ = begun.take(DAYS[:4])
    assert (status, len(outcomes(lines)), lines[-1]) == (0, 4, "nothing to do: every as-of of the manifest is recorded")


@pytest.mark.slow
def test_each_as_of_is_told_in_json(begun: Manifest) -> None:
    _, lines, _ = begun.take(DAYS[1:3], "--json")
    told = [json.loads(line) for line in lines]
    assert [(one["as_of"], one["outcome"]) for one in told] == [
        ("2024-01-02T00:00:00Z", "recorded before, published"),
        ("2024-01-03T00:00:00Z", "taken in"),
    ]
    assert told[1]["documents"]["seen"] == 1


def test_an_as_of_before_the_last_run_that_was_never_taken_in_is_refused_before_anything(manifest: Manifest) -> None:
    manifest.take(DAYS[1:2])
    before = Home.of(manifest.warehouse).state.read_bytes()
    for days in (DAYS[:1], (DAYS[0], DAYS[2]), DAYS):
        status, lines, error = manifest.take(days)
        assert (status, lines) == (2, [])
        assert "2024-01-01T00:00:00Z" in error
        assert "the last run is as of 2024-01-02T00:00:00Z" in error
    assert Home.of(manifest.warehouse).state.read_bytes() == before


def test_an_as_of_ahead_of_time_or_twice_is_refused_before_anything(manifest: Manifest) -> None:
    ahead = utc_now().replace(microsecond=0) + 3 * A_DAY
    (manifest.place / "days" / f"{ahead:%d}").mkdir(exist_ok=True)
    for days, words in (((DAYS[0], ahead), "more than a day ahead"), ((DAYS[0], DAYS[0]), "twice")):
        status, lines, error = manifest.take(days)
        assert (status, lines, words in error) == (2, [], True)
    assert not manifest.warehouse.parent.exists()


def test_a_refused_step_says_what_was_not_begun_and_is_gone_on_from(begun: Manifest) -> None:
    for number in range(11):
        (begun.place / "days" / "04" / f"{number}.md").write_text("none")
    status, lines, error = begun.take(DAYS[2:])
    assert (status, outcomes(lines)) == (1, ["2024-01-03T00:00:00Z: taken in"])
    assert "the 1 later as-ofs of the manifest were not begun" in error
    for number in range(11):
        (begun.place / "days" / "04" / f"{number}.md").unlink()
    assert outcomes(begun.take(DAYS[2:4])[1])[1] == "2024-01-04T00:00:00Z: taken in"


def test_a_step_that_was_refused_and_passed_by_is_told_so(begun: Manifest) -> None:
    newsroom = Newsroom(begun.place / "news", begun.warehouse)
    for number in range(11):
        newsroom.write(f"{number}.md", "none")
    with pytest.raises(Exception, match="quarantine"):
        newsroom.run(DAYS[2])
    newsroom.run(DAYS[3], max_quarantine=1.0)
    file = begun.of(DAYS[1:4])
    to_do, recorded = plan(file, "days", begun.warehouse, Settings())
    assert (to_do, [status for _, status in recorded]) == ([], ["published", "refused", "published"])


def test_runs_past_their_keep_are_known_by_their_events(begun: Manifest) -> None:
    done = begun.command("maintain", "--warehouse", begun.warehouse, environment={"NEWSMART_KEEP_RUNS": "1"})
    assert done.returncode == 0
    assert len(outcomes(begun.take(DAYS[:2])[1])) == 2


def test_a_bad_manifest_is_no_plan(manifest: Manifest) -> None:
    file = manifest.of([])
    file.write_text('{"as_of": 1}')
    with pytest.raises(UsageError, match="JSON list"):
        plan(file, "days", manifest.warehouse, Settings())


def test_a_refused_step_is_lifted_as_the_error_says(begun: Manifest) -> None:
    (begun.place / "days" / "03" / "a.md").unlink()
    status, _, errors = begun.take(DAYS[:3])
    assert status == 1
    assert "--allow-shrink" in errors

    status, lines, _ = begun.take(DAYS[:3], "--allow-shrink")
    assert status == 0
    assert len(outcomes(lines)) == 3


def test_a_share_that_is_none_is_wrong_usage(manifest: Manifest) -> None:
    status, _, errors = manifest.take(DAYS[:1], "--max-quarantine", "7")
    assert status == 2
    assert "max_quarantine must be a share from 0 to 1" in errors
