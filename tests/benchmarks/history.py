"""How the cost of a build and of a run grows with history: years of versions over a few hundred documents.

A source is rewritten in place for thousands of as-ofs, as the real one is: scores and titles move, related lists turn,
one change in four goes back to the state before. Each as-of is recorded by the real steps, without a build, as a build
for each would take an hour; at chosen depths whole runs are measured, each with one changed document.

    python -m tests.benchmarks.history --documents 300 --runs 3000 --versions 10
    python -m tests.benchmarks.history --documents 60 --runs 3000 --versions 300
    python -m tests.benchmarks.history --documents 301 --runs 3000 --versions 3000 --restless 1
"""

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from tests.benchmarks.measure import measure_run, print_measurements
from tests.documents import make_document, make_mention
from tests.recording import record_folders
from warehouse.clock import as_text
from warehouse.home import Home
from warehouse.ledger.opening import open_ledger, transaction
from warehouse.release import runs

START = datetime(2019, 1, 1)
YEARS = timedelta(days=5 * 365)
RELATED = 20
TIMEOUT_SECONDS = 1800.0


@dataclass
class Newspaper:
    """A folder of documents that are rewritten at random; `states` remembers what each said before."""

    folder: Path
    documents: int
    articles: int
    chance: random.Random
    states: dict[int, list[str]] = field(default_factory=dict)
    related: dict[int, list[dict[str, Any]]] = field(default_factory=dict)

    def begin(self) -> None:
        """Write every document once."""
        self.folder.mkdir(parents=True)
        for number in range(self.documents):
            chosen = self.chance.sample(range(self.articles), RELATED)
            self.related[number] = [self.mention(article) for article in chosen]
            self.states[number] = []
            self.rewrite(number)

    def mention(self, article: int) -> dict[str, Any]:
        """Return what a document says of an article just now."""
        return make_mention(
            f"Article {article}, told {self.chance.randrange(3)}",
            f"https://www.example.com/news/{article}",
            quality=self.chance.randrange(100),
            heat=self.chance.randrange(-1, 50),
            provider={"domain": "example.com", "name": "Example"},
            publishedDateTime="2018-06-01T00:00:00Z",
        )

    def rewrite(self, number: int) -> None:
        """Change a document: one time in four back to the state before, else a few of its mentions."""
        states = self.states[number]
        if len(states) > 1 and self.chance.random() < 0.25:
            text = states[-2]
        else:
            related = self.related[number]
            for place in self.chance.sample(range(RELATED), 3):
                related[place] = self.mention(self.chance.randrange(self.articles))
            title = f"Story {number}, version {len(states)}"
            text = make_document(title, f"https://www.example.com/news/{number}", related, heat=len(states) % 60)
        self.states[number] = [*states[-1:], text]
        (self.folder / f"{number:05}.md").write_text(text, encoding="utf-8")


def changes(documents: int, restless: int, total: int, depth: int, chance: random.Random) -> Iterator[list[int]]:
    """Yield the documents that change in each of `depth` runs, so that `total` changes fall on the restless ones."""
    order = [number % (restless or documents) for number in range(total)]
    chance.shuffle(order)
    for run in range(depth):
        yield sorted(set(order[run * total // depth : (run + 1) * total // depth]))


def measure_change(paper: Newspaper, warehouse: Path, as_of: datetime) -> dict[str, Any]:
    """Change one document, run over the source, and return what it cost."""
    paper.rewrite(0)
    cost = measure_run(paper.folder, warehouse, TIMEOUT_SECONDS, "--as-of", str(as_text(as_of)), "--allow-shrink")
    return {
        "wall_seconds": round(cost.wall_seconds, 2),
        "peak_mb": cost.peak_bytes // 1_000_000,
        "seconds": {name: round(value, 2) for name, value in cost.output["seconds"].items()},
    }


@dataclass
class Past:
    """A newspaper and its warehouse, recorded up to some as-of of `runs` over five years."""

    paper: Newspaper
    home: Home
    runs: int
    plan: Iterator[list[int]]
    depth: int = 0

    def as_of(self) -> datetime:
        """Return the as-of of the latest run."""
        return START + YEARS * self.depth / self.runs

    def grow(self, depth: int) -> dict[str, Any]:
        """Record as-ofs up to this depth; return how deep the ledger is then, and what it took."""
        begun, before = time.perf_counter(), self.depth
        with open_ledger(self.home) as connection:
            while self.depth < depth:
                for number in next(self.plan):
                    self.paper.rewrite(number)
                self.depth += 1
                balance = record_folders(connection, self.as_of(), self.paper.folder)
                key = (runs.run_id_of(self.as_of()), self.as_of(), self.as_of())
                with transaction(connection):
                    runs.write_run(connection, key, "published", balance, finished_at=self.as_of())
            versions, mentions = connection.execute(SIZE).fetchall()[0]
        return {
            "runs": depth,
            "versions": versions,
            "mentions_of_versions": mentions,
            "ledger_mb": round(self.home.ledger.stat().st_size / 1e6, 1),
            "record_seconds_each": round((time.perf_counter() - begun) / (depth - before), 4),
        }


SIZE = """
    select count(distinct (event.document_id, event.as_of)), count(*)
    from ledger.event as event
    inner join ledger.content_entry as content_entry on content_entry.content_id = event.content_id
"""


def measurements(options: argparse.Namespace, place: Path) -> Iterator[dict[str, Any]]:
    """Record the history and yield a measurement at each depth."""
    chance = random.Random(7)
    paper = Newspaper(place / "source", options.documents, options.articles, chance)
    paper.begin()
    home = Home.of(place / "news.duckdb")
    home.prepare()
    total = options.versions * (options.restless or options.documents)
    plan = changes(options.documents, options.restless, total, options.runs, chance)
    past = Past(paper, home, options.runs, plan)
    for part in range(1, options.parts + 1):
        grown = past.grow(options.runs * part // options.parts)
        yield {**grown, **measure_change(paper, home.file, past.as_of() + timedelta(seconds=1))}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; print one JSON object a line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.history", description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=300, help="documents (default: 300)")
    parser.add_argument("--articles", type=int, default=1500, help="articles that are mentioned (default: 1500)")
    parser.add_argument("--runs", type=int, default=3000, help="as-ofs, over five years (default: 3000)")
    parser.add_argument("--versions", type=int, default=10, help="versions of each document (default: 10)")
    parser.add_argument("--restless", type=int, default=0, help="documents that change; 0: all (default)")
    parser.add_argument("--parts", type=int, default=3, help="depths at which runs are measured (default: 3)")
    parser.add_argument("--keep", type=Path, help="folder to work in and leave; it must not exist")
    options = parser.parse_args(arguments)
    print_measurements(partial(measurements, options), options.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
