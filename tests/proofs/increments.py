"""Random histories in which every release that can be is made from the one before it, each compared with its rebuild.

    python -m tests.proofs.increments --histories 2000 --seed 1
    python -m tests.proofs.increments --replay DIR

In a history a few documents are edited at random (desk.py): added, changed, taken back to an earlier state, removed,
made bad, under addresses and aliases that bring articles together and part them. Now and then a run records and builds
nothing, is tried again at the same as-of, dies on the way, starts from the release before after a rollback, or the past
is rewritten (histories.py). Each release's file is read from the disk and compared with a whole build, table by table,
and so are its fingerprint and what `ops` tells of aliases, notices and changes. With --replay the states of a real
source, listed in DIR/manifest.json, take their place.

A warehouse holds one, three or twelve histories side by side, as its cost hardly depends on that. Seeds can be run in
pieces: what a warehouse lives through depends on its own seeds alone. It lies in memory where there is a place for it.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import cycle
from pathlib import Path

import duckdb

from flows.sources.scan import Source
from schemas.errors import NewsmartError
from tests.proofs.desk import PATHS
from tests.proofs.histories import Told, history

SIDE_BY_SIDE = (1, 3, 12)
MEMORY = Path("/dev/shm")


@contextmanager
def own_place() -> Iterator[Path]:
    """Give a folder that goes with the block."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as place:
        yield Path(place)


def live(seeds: Sequence[int], steps: int) -> Told:
    """Live through the histories of some seeds, in one warehouse. Raises Differs."""
    with own_place() as place, history(place, *seeds) as one:
        for desk in one.desks:
            for _ in range(len(PATHS)):
                desk.edit()
        for _ in range(steps):
            one.step()
        return one.told


def replay(folder: Path) -> Told:
    """Record and release each state of a real source. Raises Differs."""
    states = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    with own_place() as place, history(place, 0) as one:
        for state in states:
            one.now = datetime.fromisoformat(state["as_of"]).astimezone(UTC).replace(tzinfo=None)
            one.record(Source("news", str(folder.parents[1] / state["folder"])))
            one.release()
        return one.told


def lives(options: argparse.Namespace) -> Iterator[tuple[str, int, Callable[[], Told]]]:
    """Yield the name of each warehouse, how many histories it holds, and what lives through them."""
    for folder in options.replay:
        yield str(folder), 1, partial(replay, folder)
    left = [] if options.replay else list(range(options.seed, options.seed + options.histories))
    for size in cycle(SIDE_BY_SIDE):
        if not left:
            return
        seeds, left = left[:size], left[size:]
        yield f"seeds {seeds[0]} to {seeds[-1]}", len(seeds), partial(live, seeds, options.steps)


def main(arguments: Sequence[str] | None = None) -> int:
    """Live through histories; print how the releases were made, and each history that went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.increments", description=__doc__.splitlines()[0])
    parser.add_argument("--histories", type=int, default=2000)
    parser.add_argument("--steps", type=int, default=6, help="of each history (default: 6)")
    parser.add_argument("--seed", type=int, default=1, help="of the first history; the next ones count on")
    parser.add_argument("--replay", type=Path, nargs="+", default=[], help="folders of real histories, in their place")
    options = parser.parse_args(arguments)
    begun, told, count, wrong = time.monotonic(), Told(), 0, 0
    for name, histories, live_through in lives(options):
        try:
            told.add(live_through())
        except (AssertionError, duckdb.Error, NewsmartError) as error:
            wrong += histories
            sys.stdout.write(f"{name}: {type(error).__name__}: {error}\n")
        count += histories
        sys.stdout.write(f"{name}: {count} lived through, {wrong} wrong, {time.monotonic() - begun:.0f} s\n")
        sys.stdout.flush()
    sys.stdout.write(f"releases: {dict(told.made)}\nchanges: {dict(told.changed)}\nbeside: {dict(told.befell)}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
