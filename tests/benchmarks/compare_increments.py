"""What it costs to run again: with nothing changed, with one document in a hundred changed, and to build anew.

The fixed start of the process is measured as a run with no change over a single document; looking at the files is
measured as `find` with sizes and times.
"""

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import contenders, corpus
from tests.benchmarks.measure import Cost, measure
from tests.benchmarks.summary import Line, seconds

CHANGED_SHARE = 0.01
# The promises are made of 100,000 known files; with few, the start of the process is nearly all that is measured.
PROMISED_FROM_DOCUMENTS = 50_000
QUALITY = re.compile(rb"^quality: *(\d+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A folder that newsmart has loaded: into which folder, in how many seconds; and where there is room for more."""

    tools: contenders.Tools
    source: Path
    into: Path
    room: Path
    full_seconds: float
    timeout_seconds: float

    def promised(self, limit: float) -> float | None:
        """Return a promise's limit, None where the folder is too small for it."""
        return limit if len(contenders.document_files(self.source)) >= PROMISED_FROM_DOCUMENTS else None

    def run(self) -> Cost:
        """Run newsmart again over the folder."""
        return measure(contenders.run_newsmart(self.tools, self.source, self.into), self.timeout_seconds)


def compare_increments(loaded: Loaded, runs: int) -> list[Line]:
    """Return the statements about running again over a folder that is loaded. The folder's files are changed."""
    return [*nothing_changed(loaded, runs), *some_changed(loaded, runs), *built_anew(loaded)]


def nothing_changed(loaded: Loaded, runs: int) -> list[Line]:
    """Compare a run over unchanged files with listing them, the start of the process left out."""
    single = single_document(loaded)
    single.run()
    loaded.run()
    whole, start, listing = [], [], []
    for _ in range(max(3, runs)):
        whole.append(loaded.run())
        start.append(single.run())
        listing.append(measure(contenders.find_floor(loaded.source), loaded.timeout_seconds))
    over = max(0.0, seconds(whole) - seconds(start))
    return [
        Line("no change: whole run", seconds(whole), "s"),
        Line("no change: fixed start of the process", seconds(start), "s"),
        Line("no change: rest of the run, times `find`", over / seconds(listing), "x", loaded.promised(4)),
    ]


def single_document(loaded: Loaded) -> Loaded:
    """Return a warehouse-to-be of one document of the folder."""
    into = loaded.room / "single"
    source = into / "source"
    source.mkdir(parents=True)
    first = contenders.document_files(loaded.source)[0]
    shutil.copyfile(first, source / first.name)
    return Loaded(loaded.tools, source, into, into, 0.0, loaded.timeout_seconds)


def some_changed(loaded: Loaded, runs: int) -> list[Line]:
    """Compare runs after one document in a hundred changed with the full load, the build left out."""
    found = []
    for _ in range(runs):
        change(loaded.source)
        found.append(loaded.run())
    rest = sorted(cost.wall_seconds - built_seconds(cost) for cost in found)[runs // 2]
    return [
        Line("1 % changed: whole run", seconds(found), "s"),
        Line(
            "1 % changed: without the build, share of the full load",
            rest / loaded.full_seconds,
            "x",
            loaded.promised(0.05),
        ),
    ]


def built_anew(loaded: Loaded) -> list[Line]:
    """Compare a build from the ledger with the full load."""
    as_of = str(loaded.run().output["as_of"])
    command = contenders.build_newsmart(loaded.tools, loaded.into, as_of, loaded.room / "built.duckdb")
    built = measure(command, loaded.timeout_seconds)
    return [
        Line("build from the ledger: whole run", built.wall_seconds, "s"),
        Line("build from the ledger, share of the full load", built.wall_seconds / loaded.full_seconds, "x"),
    ]


def built_seconds(cost: Cost) -> float:
    """Return how long a run says it spent on building, auditing and publishing the release."""
    spent = cost.output["seconds"]
    return sum(float(spent.get(step) or 0) for step in ("build", "audit", "publish"))


def change(source: Path) -> None:
    """Change one document in a hundred: by the corpus's own rules, in a real folder by moving its quality."""
    if (source / corpus.PLAN_FILE).exists():
        corpus.edit(source, CHANGED_SHARE)
        return
    for path in contenders.document_files(source)[:: round(1 / CHANGED_SHARE)]:
        change_quality(path)


def change_quality(path: Path) -> None:
    """Give a document another quality."""
    path.write_bytes(QUALITY.sub(lambda found: b"quality: %d" % (int(found[1]) + 1), path.read_bytes(), count=1))
