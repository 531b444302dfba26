"""All comparisons side by side, in one run, on the same documents.

    python -m tests.benchmarks.compare                          4,958 long documents; newsmart, the script, the floor
    python -m tests.benchmarks.compare --with dlt --runs 3      and dlt, in an environment of its own
    python -m tests.benchmarks.compare --kind short --documents 10000
    python -m tests.benchmarks.compare --kind short --documents 10000 --repeats 0.06      entries nearly all distinct
    python -m tests.benchmarks.compare --folder DIR             real documents

The contenders take turns (A B C A B C), so that a noisy neighbour hits all of them; medians and their ratios are what
counts. It ends with exit 1 where the contenders did not count the same documents. With --to it writes `benchmark.md`,
`benchmark.json` and `benchmark.png` there, which the README shows.
"""

import argparse
import shlex
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

from tests.benchmarks import contenders, corpus
from tests.benchmarks.compare_increments import Loaded, compare_increments
from tests.benchmarks.compare_report import Comparison, write
from tests.benchmarks.corpus_shape import Kind
from tests.benchmarks.measure import ContenderError, Cost, measure
from tests.benchmarks.queries import release_size, time_queries
from tests.benchmarks.summary import CountsDifferError, Line, check_counts, full_lines, seconds


def compare_full(tools: contenders.Tools, source: Path, work: Path, runs: int, timeout: float) -> dict[str, list[Cost]]:
    """Load a folder with every contender in turns. Out: each one's costs; the last newsmart warehouse is kept."""
    costs: dict[str, list[Cost]] = {name: [] for name in contenders.names(tools)}
    for _ in range(runs):
        for name, found in costs.items():
            into = fresh(work / name)
            say(f"{name} …")
            found.append(measure(contenders.full_load(name, tools, source, into), timeout))
            say(f"{name}: {found[-1].wall_seconds:.2f} s, {found[-1].peak_bytes / 1e6:.0f} MB")
    return costs


def after_load(loaded: Loaded, runs: int) -> list[Line]:
    """Return the statements about what is possible once a folder is loaded: asking, and running again."""
    release = loaded.into / "news.duckdb"
    asked = [*time_queries(release), release_size(release, loaded.source)]
    return [*compare_increments(loaded, runs), *asked]


def fresh(folder: Path) -> Path:
    """Return a folder, made anew and empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def say(text: str) -> None:
    """Tell whoever waits what is going on."""
    sys.stderr.write(text + "\n")


def source_of(given: argparse.Namespace, work: Path) -> Path:
    """Return the documents to load: a copy of the folder given (increments change it), or a new corpus."""
    source = work / "source"
    if given.folder is not None:
        copy_folder(given.folder, source)
    else:
        corpus.generate(source, given.documents, cast(Kind, given.kind), given.seed, repeats=given.repeats)
    return source


def copy_folder(folder: Path, to: Path) -> None:
    """Copy real documents, so that they may be changed."""
    shutil.copytree(folder, to, copy_function=shutil.copyfile)


def compare(given: argparse.Namespace, work: Path) -> Comparison:
    """Run what the arguments ask for."""
    command = tuple(shlex.split(given.newsmart)) if given.newsmart else contenders.newsmart_command()
    dlt = contenders.dlt_environment(work / "dlt-environment") if "dlt" in given.peers else None
    tools = contenders.Tools(command, dlt)
    source = source_of(given, work)
    costs = compare_full(tools, source, work, given.runs, given.timeout)
    documents, mentions = check_counts(costs)
    size = sum(path.stat().st_size for path in contenders.document_files(source))
    title = f"{documents:,} documents, {size / 1e6:,.0f} MB, {mentions:,} mentions"
    lines = full_lines(costs, given.kind if given.folder is None else None)
    if not given.only_full:
        loaded = Loaded(tools, source, work / "newsmart", work, seconds(costs["newsmart"]), given.timeout)
        lines += after_load(loaded, given.runs)
    return Comparison(title, costs, lines)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the arguments of the command."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.compare", description="Compare newsmart with others."
    )
    parser.add_argument("--documents", type=int, default=4_958)
    parser.add_argument("--kind", choices=get_args(Kind), default="long")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--repeats", type=float, default=1.0, help="share of repeated entries (default: 1)")
    parser.add_argument("--folder", type=Path, help="real documents instead of a made corpus")
    parser.add_argument("--runs", type=int, default=3, help="turns of each contender (default: 3)")
    parser.add_argument("--with", dest="peers", choices=["dlt"], action="append", default=[])
    parser.add_argument("--only-full", action="store_true", help="leave out the increments")
    parser.add_argument("--newsmart", metavar="COMMAND", help="how to start newsmart (default: the one of this Python)")
    parser.add_argument("--timeout", type=float, default=900, help="seconds that one run of a contender may take")
    parser.add_argument("--to", type=Path, help="folder for the table and the chart")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command. Exit 1 where a contender failed or the counts differ."""
    given = parse(arguments)
    with tempfile.TemporaryDirectory(prefix="newsmart-benchmark-") as work:
        try:
            found = compare(given, Path(work))
        except (ContenderError, CountsDifferError) as error:
            sys.stderr.write(f"{error}\n")
            return 1
    sys.stdout.write(write(found, given.to))
    return 0


if __name__ == "__main__":
    sys.exit(main())
