"""Make a corpus of any size with the real one's shape, and change it as the real source does.

    python -m tests.benchmarks.corpus --documents 4958 --kind long --to DIR
    python -m tests.benchmarks.corpus --to DIR --edit 0.01 --step 1

The same arguments give the same bytes on every machine. A hidden file in the folder (which no reader takes for a
document) keeps the plan and the shares of the steps made, so that an edit needs only the folder. The shape is in
corpus_shape.py, with how it was measured.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import cast, get_args

from tests.benchmarks.corpus_documents import Cluster, Plan, clusters, document, path_of
from tests.benchmarks.corpus_edits import Edit, State, state_after
from tests.benchmarks.corpus_shape import Kind

PLAN_FILE = ".corpus.json"


@dataclass(frozen=True, slots=True)
class Made:
    """What was written: documents and bytes."""

    documents: int
    bytes: int


def generate(
    to: Path, documents: int, kind: Kind = "long", seed: int = 1, folders: int = 1, repeats: float = 1.0
) -> Made:
    """Write a corpus into a new or empty folder.

    In: the number of documents, their kind (long: about 27 kB, short: about 6 kB), the seed, over how many folders they
    are spread by their day, and the share of their entries that repeat others (1: as in the real source). Out: what was
    written. Raises FileExistsError where the folder holds something.
    """
    to.mkdir(parents=True, exist_ok=True)
    if any(to.iterdir()):
        raise FileExistsError(f"not empty: {to}")
    plan = Plan(documents, kind, seed, folders, repeats)
    for number in range(folders if folders > 1 else 0):
        (to / f"{number:05d}").mkdir()
    written = 0
    for cluster, place in places(plan):
        data = document(cluster, place, State())
        (to / path_of(cluster, place)).write_bytes(data)
        written += len(data)
    write_plan(to, plan, ())
    return Made(documents, written)


def edit(folder: Path, share: float, step: int | None = None) -> Counter[Edit]:
    """Change a share of a corpus's documents in place, as the next step of its history.

    In: a folder that `generate` made, the share from 0 to 1, and the step's number, which must be the next one (None:
    whichever is next). Out: how many documents underwent which edit. Raises ValueError where the step is not the next.
    """
    plan, shares = read_plan(folder)
    if step is not None and step != len(shares) + 1:
        raise ValueError(f"the next step of {folder} is {len(shares) + 1}, not {step}")
    shares = (*shares, share)
    done: Counter[Edit] = Counter()
    for cluster, place in places(plan):
        state, kind = state_after(plan.seed, cluster.first + place, shares)
        if kind is None:
            continue
        done[kind] += 1
        path = folder / path_of(cluster, place)
        if state.is_there:
            path.write_bytes(document(cluster, place, state))
        else:
            path.unlink()
    write_plan(folder, plan, shares)
    return done


def places(plan: Plan) -> Iterator[tuple[Cluster, int]]:
    """Yield every document as its cluster and its place there, in order of number."""
    for cluster in clusters(plan):
        for place in range(cluster.size):
            yield cluster, place


def write_plan(folder: Path, plan: Plan, shares: Sequence[float]) -> None:
    """Keep a corpus's plan and steps beside its documents; whole or not at all."""
    part = folder / (PLAN_FILE + ".part")
    part.write_text(json.dumps({"plan": asdict(plan), "shares": list(shares)}), encoding="utf-8")
    part.replace(folder / PLAN_FILE)


def read_plan(folder: Path) -> tuple[Plan, tuple[float, ...]]:
    """Return a corpus's plan and the shares of the steps made. Raises FileNotFoundError where it is not one of ours."""
    kept = json.loads((folder / PLAN_FILE).read_text(encoding="utf-8"))
    return Plan(**kept["plan"]), tuple(kept["shares"])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; print what was done as one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.corpus", description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=4_958)
    parser.add_argument("--kind", choices=get_args(Kind), default="long")
    parser.add_argument("--to", type=Path, required=True, help="folder to write, or with --edit to change")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folders", type=int, default=1, help="spread the documents over so many folders")
    parser.add_argument("--repeats", type=float, default=1.0, help="share of repeated entries (default: 1)")
    parser.add_argument("--edit", type=float, metavar="SHARE", help="change this share of the documents instead")
    parser.add_argument("--step", type=int, help="number of the step; must be the next (default: the next)")
    given = parser.parse_args(arguments)
    if given.edit is not None:
        sys.stdout.write(json.dumps(dict(edit(given.to, given.edit, given.step))) + "\n")
        return 0
    made = generate(given.to, given.documents, cast(Kind, given.kind), given.seed, given.folders, given.repeats)
    sys.stdout.write(json.dumps(asdict(made)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
