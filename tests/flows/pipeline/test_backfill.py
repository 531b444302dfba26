"""A backfill tells of each as-of of its manifest what became of it, and takes all in or nothing."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from flows.pipeline.backfill import plan, recorded_before
from flows.settings import Settings
from schemas.errors import UsageError
from tests.documents import make_document
from tests.newsroom import A_DAY, Newsroom
from tests.proofs.scene import newsmart
from warehouse.clock import as_text, utc_now
from warehouse.home import Home

DAYS = tuple(datetime(2024, 1, day) for day in range(1, 6))


class Manifest:
    """A manifest of five days, and the warehouse that takes it in."""

    def __init__(self, room: Newsroom) -> None:
        self.place, self.warehouse = room.folder.parent, room.warehouse
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
        command = ("backfill", self.of(days), "--name", "days", "--direct", "--warehouse", self.warehouse, *more)
        done = newsmart(*command)
        return done.returncode, done.stdout.splitlines(), done.stderr


@pytest.fixture
def manifest(newsroom: Newsroom) -> Manifest:
    return Manifest(newsroom)


def outcomes(lines: Sequence[str]) -> list[str]:
    """The lines that tell what became of an as-of."""
    return [line for line in lines if line.startswith("2024-01-0")]


def test_each_as_of_is_told(manifest: Manifest) -> None:
    assert manifest.take(DAYS[:2])[0] == 0
    status, lines, _ = manifest.take(DAYS[:4])
    assert status == 0
    assert outcomes(lines) == [
        "2024-01-01T00:00:00Z: recorded before, published",
        "2024-01-02T00:00:00Z: recorded before, published",
        "2024-01-03T00:00:00Z: taken in",
        "2024-01-04T00:00:00Z: taken in",
    ]
    status, lines, _ = manifest.take(DAYS[:4])
    assert (status, len(outcomes(lines)), lines[-1]) == (0, 4, "nothing to do: every as-of of the manifest is recorded")


def test_each_as_of_is_told_in_json(manifest: Manifest) -> None:
    manifest.take(DAYS[:1])
    _, lines, _ = manifest.take(DAYS[:2], "--json")
    told = [json.loads(line) for line in lines]
    assert [(one["as_of"], one["outcome"]) for one in told] == [
        ("2024-01-01T00:00:00Z", "recorded before, published"),
        ("2024-01-02T00:00:00Z", "taken in"),
    ]
    assert told[1]["documents"]["seen"] == 1


@pytest.mark.parametrize("days", [DAYS[:1], (DAYS[0], DAYS[2]), DAYS])
def test_an_as_of_before_the_last_run_that_was_never_taken_in_is_refused_before_anything(
    manifest: Manifest, days: Sequence[datetime]
) -> None:
    manifest.take(DAYS[1:4])
    before = Home.of(manifest.warehouse).state.read_bytes()
    status, lines, error = manifest.take(days)
    assert (status, lines) == (2, [])
    assert "2024-01-01T00:00:00Z" in error
    assert "the last run is as of 2024-01-04T00:00:00Z" in error
    assert Home.of(manifest.warehouse).state.read_bytes() == before


def test_an_as_of_ahead_of_time_or_twice_is_refused_before_anything(manifest: Manifest) -> None:
    ahead = utc_now().replace(microsecond=0) + 3 * A_DAY
    (manifest.place / "days" / f"{ahead:%d}").mkdir(exist_ok=True)
    for days, words in (((DAYS[0], ahead), "more than a day ahead"), ((DAYS[0], DAYS[0]), "twice")):
        status, lines, error = manifest.take(days)
        assert (status, lines, words in error) == (2, [], True)
    assert not manifest.warehouse.parent.exists()


def test_a_refused_step_says_what_was_not_begun_and_is_gone_on_from(manifest: Manifest) -> None:
    for number in range(11):
        (manifest.place / "days" / "02" / f"{number}.md").write_text("none")
    status, lines, error = manifest.take(DAYS[:4])
    assert (status, outcomes(lines)) == (1, ["2024-01-01T00:00:00Z: taken in"])
    assert "the 2 later as-ofs of the manifest were not begun" in error
    for number in range(11):
        (manifest.place / "days" / "02" / f"{number}.md").unlink()
    assert outcomes(manifest.take(DAYS[:4])[1])[1] == "2024-01-02T00:00:00Z: taken in"


def test_a_step_that_was_refused_and_passed_by_is_told_so(manifest: Manifest, newsroom: Newsroom) -> None:
    manifest.take(DAYS[:1])
    for number in range(11):
        newsroom.write(f"{number}.md", "none")
    with pytest.raises(Exception, match="quarantine"):
        newsroom.run(DAYS[1])
    newsroom.run(DAYS[2], max_quarantine=1.0)
    file = manifest.of(DAYS[:3])
    assert plan(file, "days", manifest.warehouse, Settings()) == []
    assert [status for _, status in recorded_before(file, manifest.warehouse)] == ["published", "refused", "published"]


def test_runs_past_their_keep_are_known_by_their_events(manifest: Manifest) -> None:
    manifest.take(DAYS[:3])
    done = newsmart("maintain", "--warehouse", manifest.warehouse, environment={"NEWSMART_KEEP_RUNS": "1"})
    assert done.returncode == 0
    assert len(outcomes(manifest.take(DAYS[:3])[1])) == 3


def test_a_bad_manifest_is_no_plan(manifest: Manifest) -> None:
    file = manifest.of([])
    file.write_text('{"as_of": 1}')
    with pytest.raises(UsageError, match="JSON list"):
        plan(file, "days", manifest.warehouse, Settings())


def test_a_refused_step_is_lifted_as_the_error_says(manifest: Manifest) -> None:
    assert manifest.take(DAYS[:1])[0] == 0
    (manifest.place / "days" / "02" / "a.md").unlink()
    status, _, errors = manifest.take(DAYS[:3])
    assert status == 1
    assert "--allow-shrink" in errors

    status, lines, _ = manifest.take(DAYS[:3], "--allow-shrink")
    assert status == 0
    assert len(outcomes(lines)) == 3


def test_a_share_that_is_none_is_wrong_usage(manifest: Manifest) -> None:
    status, _, errors = manifest.take(DAYS[:1], "--max-quarantine", "7")
    assert status == 2
    assert "--max-quarantine takes a share from 0 to 1" in errors
