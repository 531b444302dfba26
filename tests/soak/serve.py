"""The soak: `newsmart serve --every 5` over a source that is edited all the time.

    python -m tests.soak.serve --minutes 30
    python -m tests.soak.serve --minutes 15 --trouble restart --trouble server --trouble clock --trouble all

The second form makes one trouble a minute, in turn: the service is restarted, its server or worker is killed, or all of
them, or the wall clock jumps ten days ahead and back. Afterwards every edit must be in the release all the same.

Fails where a change is not in the end in the release, where a process does not stay flat in memory, where Prefect's
database keeps growing, or where the scheduler does not stop in time. Prints what it measured as one JSON object.
Memory is compared between thirds, since the first fills caches: the last third's peak against the middle one's.
"""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.documents import make_document
from tests.soak.served import Served
from tests.soak.troubles import TROUBLES, Troubles, chosen

EDIT_SECONDS = 1.0
SAMPLE_SECONDS = 10.0
START_SECONDS = 300.0
STOP_SECONDS = 15.0
RECOVERY_SECONDS = 120.0
MEMORY_GROWTH = 1.15
DATABASE_GROWTH_BYTES_A_MINUTE = 1_000_000
# The database grows until it holds the 200 flow runs that are kept, at one each five seconds for 17 minutes; only what
# comes after tells whether it goes on growing, so that time must lie before the last third.
MIN_MINUTES_FOR_GROWTH = 26.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One look: seconds since the start, resident memory by process, size of Prefect's database."""

    at_seconds: float
    rss_bytes: Mapping[str, int]
    database_bytes: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a soak found. `faults` is empty when all is well."""

    edits: int
    troubles: int
    runs: int
    skipped: int
    stop_seconds: float
    samples: Sequence[Sample]
    faults: Sequence[str]


class Editor:
    """Adds, changes and removes documents, and knows what there should be."""

    def __init__(self, folder: Path, seed: int) -> None:
        """In: the source folder; what the choices are drawn from."""
        self._folder = folder
        self._draw = random.Random(seed)
        self._count = 0
        self.titles: dict[str, str] = {}

    def edit(self) -> None:
        """Make one change."""
        self._count += 1
        names = sorted(self.titles)
        kind = self._draw.choice(("add", "change", "change", "remove")) if len(names) > 5 else "add"
        if kind == "remove" and len(names) > 10:
            name = self._draw.choice(names)
            (self._folder / name).unlink()
            del self.titles[name]
            return
        name = f"{self._count:06}.md" if kind == "add" and len(names) < 40 else self._draw.choice(names)
        title = f"Edit {self._count}"
        temporary = self._folder / f".{name}"
        temporary.write_text(make_document(title, f"https://example.com/{name}"))
        temporary.replace(self._folder / name)
        self.titles[name] = title

    @property
    def count(self) -> int:
        """How many changes were made."""
        return self._count


def soak(
    place: Path, minutes: float, seed: int = 1, trouble: Sequence[str] = (), trouble_seconds: float = 60.0
) -> Outcome:
    """Serve and edit for some minutes below a folder, with these troubles in turn. Out: what was found."""
    kinds, environment = chosen(trouble, place)
    # On a busy machine a run may take so long that most documents are others by the next one.
    with Served(place, ("--every", "5", "--allow-shrink"), environment) as served:
        served.wait_until_serving(START_SECONDS)
        editor, samples, start = Editor(served.source, seed), [], time.monotonic()
        troubles = Troubles(kinds, trouble_seconds, random.Random(seed))
        next_sample = start
        while (now := time.monotonic()) < start + minutes * 60:
            editor.edit()
            troubles.strike(served)
            if now >= next_sample:
                samples.append(Sample(round(now - start, 1), served.rss_bytes(), served.database_bytes()))
                next_sample = now + SAMPLE_SECONDS
            time.sleep(EDIT_SECONDS)
        faults = troubles.faults
        try:
            served.wait_for_titles(editor.titles, RECOVERY_SECONDS)
        except TimeoutError as error:
            faults.append(f"a change is not in the release: {error}")
        status, seconds = served.stop()
        text = served.log()
    if status != 0 or seconds > STOP_SECONDS:
        faults.append(f"stopped with status {status} after {seconds:.1f} s")
    if "Traceback" in text:
        faults.append("a traceback is in the log")
    faults += [] if trouble else growth(samples, minutes)
    runs, skipped = (text.count(words) for words in (" completed: ", " skipped "))
    return Outcome(editor.count, troubles.count, runs, skipped, round(seconds, 2), samples, faults)


def growth(samples: Sequence[Sample], minutes: float) -> list[str]:
    """Return what grew from the middle third to the last one; nothing where the time was too short to tell."""
    if minutes < MIN_MINUTES_FOR_GROWTH:
        return []
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[2 * third :]
    faults = []
    for role in ("serve", "server", "worker"):
        before, after = (max(sample.rss_bytes.get(role, 0) for sample in part) for part in (middle, last))
        if after > before * MEMORY_GROWTH:
            faults.append(f"the memory of the {role} grew from {before:,} to {after:,} bytes")
    grown = last[-1].database_bytes - middle[-1].database_bytes
    if grown > DATABASE_GROWTH_BYTES_A_MINUTE * minutes / 3:
        faults.append(f"Prefect's database grew by {grown:,} bytes in the last third")
    return faults


def main() -> int:
    """Run the soak from the command line."""
    parser = argparse.ArgumentParser(description="Serve over a source that is edited all the time.")
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--trouble", action="append", default=[], choices=TROUBLES, help="again for several, in turn")
    parser.add_argument("--trouble-seconds", type=float, default=60.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        outcome = soak(Path(place), options.minutes, options.seed, options.trouble, options.trouble_seconds)
        if outcome.faults:
            sys.stderr.write((Path(place) / "serve.log").read_text()[-20_000:])
    sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
    for fault in outcome.faults:
        sys.stderr.write(f"{fault}\n")
    return 1 if outcome.faults else 0


if __name__ == "__main__":
    sys.exit(main())
