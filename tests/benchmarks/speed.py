"""The table of speed: every promise about first loads and builds, in one sitting of some ten minutes.

    python -m tests.benchmarks.speed --folder DIR

Documents whose entries are nearly all distinct, long ones, short ones that repeat as the real source does, and those of
a folder if one is given: newsmart, the afternoon's script and the parsing floor take turns on each. Then a build of a
million mentions against its floor. Each row is printed as soon as it is there. Ratios are those of the medians of
`--runs` turns. Ends with exit 1 where a promise is not kept.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

from tests.benchmarks import contenders, corpus
from tests.benchmarks.compare import compare_full, copy_folder, fresh
from tests.benchmarks.compare_report import promise_rows
from tests.benchmarks.corpus_shape import Kind
from tests.benchmarks.growth import put
from tests.benchmarks.measure import Cost, measure
from tests.benchmarks.summary import MEMORY_LIMIT_MB, Line, check_counts, peak, seconds

TIMEOUT_SECONDS = 900.0
MILLION = 30_000
"""So many long documents hold a million mentions."""


@dataclass(frozen=True, slots=True)
class Case:
    """Documents to load, and what is promised of them: times the script's speed, times its CPU, times the floor."""

    name: str
    documents: int
    kind: Kind
    repeats: float = 1.0
    script: float | None = None
    script_cpu: float | None = None
    floor: float | None = None
    folder: Path | None = None

    def make(self, to: Path) -> None:
        """Write the documents into a new folder."""
        if self.folder is None:
            corpus.generate(to, self.documents, self.kind, repeats=self.repeats)
        else:
            copy_folder(self.folder, to)


CASES = (
    Case("distinct", 10_000, "short", repeats=0.06, script=2.5, script_cpu=1),
    Case("long", 4_958, "long", script=9, floor=4),
    Case("short", 10_000, "short"),
)
BUILD_LIMIT = 3


def cpu(costs: Sequence[Cost]) -> float:
    """Return the median of the processor's seconds."""
    return median(cost.cpu_seconds for cost in costs)


def loads(case: Case, tools: contenders.Tools, work: Path, runs: int) -> list[Line]:
    """Load a case's documents with every contender in turns, print the costs, and return the statements."""
    source = work / case.name
    case.make(source)
    costs = compare_full(tools, source, work, runs, TIMEOUT_SECONDS)
    # Of real documents the script refuses some that newsmart and the floor take.
    documents, mentions = check_counts(costs) if case.folder is None else contenders.counted(costs["newsmart"][0])
    for name, found in costs.items():
        cells = [f"{seconds(found):.2f} s", f"{cpu(found):.2f} s", f"{peak(found):,.0f} MB"]
        put(f"| {case.name}: {documents:,} documents, {mentions:,} mentions | {name} | {' | '.join(cells)} |")
    own, script, floor = costs["newsmart"], costs["script"], costs["floor"]
    return [
        Line(f"{case.name}: times faster than the script", seconds(script) / seconds(own), "x", case.script, True),
        Line(f"{case.name}: CPU, times the script's", cpu(own) / cpu(script), "x", case.script_cpu),
        Line(f"{case.name}: times the parsing floor", seconds(own) / seconds(floor), "x", case.floor),
        Line(f"{case.name}: memory of all processes", peak(own), "MB", MEMORY_LIMIT_MB),
    ]


def builds(tools: contenders.Tools, documents: int, work: Path, runs: int) -> Iterator[Line]:
    """Load long documents, and compare the build from their ledger with its floor."""
    source, into = work / "million", fresh(work / "built")
    corpus.generate(source, documents, "long")
    load = measure(contenders.run_newsmart(tools, source, into), TIMEOUT_SECONDS)
    command = [sys.executable, "-m", "tests.benchmarks.build_floor", str(into / "news.duckdb"), "--turns", str(runs)]
    found = measure(command, TIMEOUT_SECONDS).output
    mentions = f"{load.output['mentions']:,} mentions"
    for name in ("build", "floor"):
        cells = [f"{found[f'{name}_seconds']:.2f} s", f"{found[f'{name}_cpu_seconds']:.2f} s", ""]
        put(f"| build of {mentions} | {name} | {' | '.join(cells)} |")
    yield Line(f"build of {mentions}: times its floor", found["times_the_floor"], "x", BUILD_LIMIT)
    yield Line(f"build of {mentions}: CPU, times its floor's", found["times_its_cpu"], "x")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; print the costs, then the promises."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.speed", description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="real documents to load as well")
    parser.add_argument("--runs", type=int, default=3, help="turns of each contender (default: 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the documents, to try it (default: 1)")
    parser.add_argument("--newsmart", nargs="+", metavar="COMMAND", help="how to start newsmart")
    given = parser.parse_args(arguments)
    tools = contenders.Tools(tuple(given.newsmart or contenders.newsmart_command()))
    real = [Case(given.folder.name, 0, "short", folder=given.folder)] if given.folder else []
    lines = []
    put("| documents | | time (median) | CPU | memory |", "|---|---|---:|---:|---:|")
    with tempfile.TemporaryDirectory(prefix="newsmart-speed-") as work:
        for case in (*CASES, *real):
            lines += loads(replace(case, documents=round(case.documents * given.scale)), tools, Path(work), given.runs)
        lines += builds(tools, round(MILLION * given.scale), Path(work), given.runs)
    put("", *promise_rows(lines))
    return 0 if all(line.is_kept for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
