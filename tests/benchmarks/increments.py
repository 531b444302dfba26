"""What a release costs that is made from the one before it, against a whole build, in one sitting.

    python -m tests.benchmarks.increments --documents 100000
    python -m tests.benchmarks.increments --documents 300000 --changed 1

Whole runs over a corpus of which 1, 100 or 1,000 documents have changed, each several times; and as often one that
builds whole, since its base is forgotten. Then a chain of releases, whose last file is compared with one built whole:
its size, and how long the cookbook's questions take on it. Numbers are medians; what is promised are ratios.
"""

import argparse
import random
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from tests.benchmarks import corpus, queries
from tests.benchmarks.contenders import document_files
from tests.benchmarks.measure import Cost, measure_run, print_measurements
from warehouse.home import Home

TIMEOUT_SECONDS = 3600.0
STEPS = ("build", "audit", "publish")
FIELD = re.compile(r'^title: *"?', re.MULTILINE)
PROMISED = {1: 12, 100: 7, 1000: 4}


@dataclass
class Place:
    """A corpus and its warehouse."""

    source: Path
    home: Home
    chance: random.Random

    def change(self, count: int) -> None:
        """Give so many documents another title."""
        for file in self.chance.sample(document_files(self.source), count):
            text = file.read_text(encoding="utf-8")
            at = FIELD.search(text)
            if at is None:
                raise ValueError(f"no title in {file}")
            word = f"Edited {self.chance.randrange(1_000_000)}: "
            file.write_text(text[: at.end()] + word + text[at.end() :], encoding="utf-8")

    def run(self) -> Cost:
        """Run over it."""
        return measure_run(self.source, self.home.file, TIMEOUT_SECONDS)

    def forget_base(self) -> None:
        """Let the next release be built whole."""
        with duckdb.connect(self.home.ledger) as connection:
            connection.execute("delete from release_build")


def release_seconds(cost: Cost) -> float:
    """Return what building, auditing and publishing took."""
    return float(sum(cost.output["seconds"][step] for step in STEPS))


def measured(place: Place, changed: int, kind: str, runs: int) -> dict[str, Any]:
    """Change documents and run, several times; return the medians."""
    costs = []
    for _ in range(runs):
        place.change(changed)
        if kind == "whole":
            place.forget_base()
        costs.append(place.run())
        if costs[-1].output["build"]["kind"] != kind:
            raise ValueError(f"built {costs[-1].output['build']}, not {kind}")
    seconds = {name: median(cost.output["seconds"][name] for cost in costs) for name in costs[0].output["seconds"]}
    return {
        "changed": changed,
        "kind": kind,
        "release_seconds": round(median(map(release_seconds, costs)), 3),
        "wall_seconds": round(median(cost.wall_seconds for cost in costs), 3),
        "cpu_seconds": round(median(cost.cpu_seconds for cost in costs), 3),
        "peak_mb": max(cost.peak_bytes for cost in costs) // 1_000_000,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
    }


def file_and_questions(file: Path) -> tuple[int, float]:
    """Return a release's size in bytes, and how many milliseconds the cookbook's questions take together."""
    lines = queries.time_queries(file)
    return file.stat().st_size, sum(line.value for line in lines if line.unit == "ms")


def measurements(options: argparse.Namespace, folder: Path) -> Iterator[dict[str, Any]]:
    """Load a corpus, and yield what each way costs."""
    place = Place(folder / "news", Home.of(folder / "out" / "news.duckdb"), random.Random(11))
    if not place.source.exists():
        corpus.generate(place.source, options.documents, options.kind, folders=max(1, options.documents // 1000))
    if not place.home.file.exists():
        load = place.run()
        yield {"kind": "first load", "wall_seconds": load.wall_seconds, "release_seconds": release_seconds(load)}
    whole = measured(place, 1, "whole", options.runs)
    yield whole
    place.change(1)
    place.run()  # the first from a base makes the ledger's index of keys
    for changed in options.changed:
        found = measured(place, changed, "incremental", options.runs)
        ratio = round(whole["release_seconds"] / found["release_seconds"], 1)
        yield {**found, "whole_is_so_many_times_that": ratio, "promised": PROMISED.get(changed)}
    if options.chain:
        yield chain(place, options.chain)


def chain(place: Place, length: int) -> dict[str, Any]:
    """Make a chain of releases of a hundred changes each, then one built whole, and compare the files.

    `kinds`: how they were built. At most 49 follow a whole build before the next one is due.
    """
    place.forget_base()
    kinds: Counter[str] = Counter()
    for _ in range(length + 1):
        place.change(100)
        kinds[place.run().output["build"]["kind"]] += 1
    chained = file_and_questions(place.home.file.resolve())
    place.change(1)
    place.forget_base()
    place.run()
    whole = file_and_questions(place.home.file.resolve())
    return {
        "chain": length,
        "kinds": dict(kinds),
        "size_ratio": round(chained[0] / whole[0], 3),
        "questions_ratio": round(chained[1] / whole[1], 3),
        "bytes": [chained[0], whole[0]],
        "questions_ms": [round(chained[1]), round(whole[1])],
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; print one JSON object a line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.increments", description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--kind", choices=("long", "short"), default="short")
    parser.add_argument(
        "--changed", type=int, nargs="+", default=[1, 100, 1000], help="documents (default: 1 100 1000)"
    )
    parser.add_argument("--runs", type=int, default=3, help="of each, for the median (default: 3)")
    parser.add_argument("--chain", type=int, default=0, help="releases of a hundred changes to make in the end")
    parser.add_argument("--keep", type=Path, help="folder to work in, and to go on with where it holds a corpus")
    options = parser.parse_args(arguments)
    print_measurements(partial(measurements, options), options.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
