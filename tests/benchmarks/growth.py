"""What every stage of a warehouse's life costs as it grows, up to a million documents, one stage a row.

    python -m tests.benchmarks.growth --documents 100000 1000000 --in DIR

For each size: a first load, a run over unchanged files, a run after one document changed, and a whole rebuild from the
ledger, each as a process of its own, with its memory over all processes. A million short documents need 16 GB below DIR
(documents 8, ledger 3, releases and what is written beside them 5) and about half an hour on two cores; the folder of
each size is removed before the next.

Ends with exit 1 where a promise is not kept: two gigabytes of memory, and a time per document of the first load that
grows by a fifth at most from the smallest size to the largest.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.benchmarks import contenders, corpus
from tests.benchmarks.compare_increments import change_quality
from tests.benchmarks.compare_report import promise_rows
from tests.benchmarks.measure import ContenderError, Cost, measure
from tests.benchmarks.summary import Line

MEMORY_LIMIT_MB = 2_000
LARGEST_GROWTH = 1.2
DOCUMENTS_IN_A_FOLDER = 1_000
STEPS = ("read", "record", "build", "audit", "publish")


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage at one size: what the process cost and printed, and how large ledger and release then are."""

    documents: int
    name: str
    cost: Cost
    ledger_bytes: int
    release_bytes: int

    @property
    def ms_a_document(self) -> float:
        """Milliseconds by the clock for each document."""
        return 1_000 * self.cost.wall_seconds / self.documents


@dataclass(frozen=True, slots=True)
class Place:
    """A corpus of a size, and the folder of its warehouse."""

    tools: contenders.Tools
    documents: int
    source: Path
    into: Path
    timeout_seconds: float

    def stage(self, name: str, command: Sequence[str]) -> Stage:
        """Run a command and return what it cost."""
        sys.stderr.write(f"{self.documents:,} documents: {name} …\n")
        cost = measure(command, self.timeout_seconds)
        sizes = [
            file.stat().st_size if file.exists() else 0
            for file in (self.into / "news.duckdb.d" / "ledger.duckdb", self.into / "news.duckdb")
        ]
        return Stage(self.documents, name, cost, *sizes)

    def run(self, name: str) -> Stage:
        """Run newsmart over the corpus."""
        return self.stage(name, contenders.run_newsmart(self.tools, self.source, self.into))


def stages(place: Place) -> Iterator[Stage]:
    """Make the corpus, and yield one stage after another."""
    folders = max(1, place.documents // DOCUMENTS_IN_A_FOLDER)
    corpus.generate(place.source, place.documents, "short", folders=folders)
    place.into.mkdir()
    yield place.run("first load")
    yield place.run("nothing changed")
    change_quality(next(place.source.rglob("*.md")))
    changed = place.run("one document changed")
    yield changed
    built = place.into / "rebuilt.duckdb"
    as_of = str(changed.cost.output["as_of"])
    yield place.stage("whole rebuild", contenders.build_newsmart(place.tools, place.into, as_of, built))


def row(stage: Stage) -> str:
    """Return a stage as a row of the table."""
    spent: dict[str, Any] = stage.cost.output.get("seconds", {})
    cells = [
        f"{stage.documents:,}",
        stage.name,
        f"{stage.cost.wall_seconds:.1f} s",
        f"{stage.ms_a_document:.3f} ms",
        f"{stage.cost.cpu_seconds:.1f} s",
        f"{stage.cost.peak_bytes / 1e6:,.0f} MB",
        *(f"{float(spent.get(step) or 0):.1f}" if spent else "" for step in STEPS),
        f"{stage.ledger_bytes / 1e6:,.0f} MB",
        f"{stage.release_bytes / 1e6:,.0f} MB",
    ]
    return f"| {' | '.join(cells)} |"


def promises(found: Sequence[Stage]) -> list[Line]:
    """Return what is promised: memory at every stage, and the first load's time per document from size to size."""
    peak = max(stage.cost.peak_bytes for stage in found) / 1e6
    lines = [Line("memory of all processes, any stage", peak, "MB", MEMORY_LIMIT_MB)]
    loads = [stage for stage in found if stage.name == "first load"]
    for small, large in pairwise(loads):
        what = f"time per document, {large.documents:,} to {small.documents:,}"
        lines.append(Line(what, large.ms_a_document / small.ms_a_document, "x", LARGEST_GROWTH))
    return lines


def put(*lines: str) -> None:
    """Print lines at once: a stage may take many minutes."""
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; print each row as soon as it is there."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, nargs="+", default=[100_000, 1_000_000], help="sizes, ascending")
    parser.add_argument("--in", dest="place", type=Path, help="folder with room (default: the temporary folder)")
    parser.add_argument("--newsmart", nargs="+", metavar="COMMAND", help="how to start newsmart")
    parser.add_argument("--timeout", type=float, default=7_200, help="seconds that one stage may take")
    given = parser.parse_args(arguments)
    tools = contenders.Tools(tuple(given.newsmart or contenders.newsmart_command()))
    heads = ["documents", "stage", "whole run", "a document", "CPU", "memory", *STEPS, "ledger", "release"]
    put(f"| {' | '.join(heads)} |", f"|---:|---|{'---:|' * (len(heads) - 2)}")
    found = []
    for documents in sorted(given.documents):
        folder = Path(tempfile.mkdtemp(prefix="newsmart-growth-", dir=given.place))
        try:
            for stage in stages(Place(tools, documents, folder / "source", folder / "warehouse", given.timeout)):
                found.append(stage)
                put(row(stage))
        except ContenderError as error:
            sys.stderr.write(f"{error}\n")
            return 1
        finally:
            shutil.rmtree(folder)
    lines = promises(found)
    put("", *promise_rows(lines))
    return 0 if all(line.is_kept for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
