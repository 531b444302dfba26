"""One reader of the reader proof: a process of its own that asks until it is told to stop, as a dashboard does.

    python -m tests.proofs.reader FILE STOP [--hold]

It connects with bare duckdb, as any program of a user does. Each read computes the release's fingerprint from its rows.
A reader that holds keeps its old connection open while it opens a new one; the old one must go on showing what it
showed, though its release may be gone from the folder by then. Ends with 1 and a traceback at the first thing wrong.
"""

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb

from tests.proofs.scene import Look, ProofFailed, look_through
from warehouse.home import Home

# Longest pause between two reads: a dozen readers without one leave no core to the runs that they watch.
PAUSE_SECONDS = 0.6
HOLD_READS = 3


def read_in_loop(file: Path, stop: Path) -> Iterator[Look]:
    """Connect, look and disconnect until the stop file is there; the last look comes after it."""
    is_last = False
    while not is_last:
        is_last = stop.exists()
        shown = shown_release(file)
        with duckdb.connect(file, read_only=True) as connection:
            yield checked(look_through(connection), shown)
        time.sleep(0 if is_last else random.uniform(0, PAUSE_SECONDS))


def read_holding(file: Path, stop: Path) -> Iterator[Look]:
    """Keep a connection, open a new one beside it now and then, and let the old one go only after that."""
    old = duckdb.connect(file, read_only=True)
    seen = look_through(old)
    yield seen
    is_last = False
    while not is_last:
        is_last = stop.exists()
        for _ in range(HOLD_READS):
            if look_through(old) != seen:
                raise ProofFailed(f"a connection that was open all the time no longer shows {seen.release_id}")
            time.sleep(random.uniform(0, PAUSE_SECONDS))
        shown = shown_release(file)
        new = duckdb.connect(file, read_only=True)
        seen = checked(look_through(new), shown)
        yield seen
        old.close()
        old = new
    old.close()


def shown_release(file: Path) -> str:
    """Return the release that FILE points at. Raises ProofFailed where it points at none."""
    shown = Home.of(file).linked_release()
    if shown is None:
        raise ProofFailed("FILE points at nothing")
    return shown


def checked(seen: Look, shown: str) -> Look:
    """Return a look that a new connection had. Raises ProofFailed where FILE showed a newer one before it was opened.

    Ids of releases begin with their as-of, so that they sort by age.
    """
    if seen.release_id < shown:
        raise ProofFailed(f"a new connection shows {seen.release_id}, FILE showed {shown} before")
    return seen


def main() -> int:
    """Read until told to stop; print how often, and each release seen, in order, as one JSON object."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.reader", description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("stop", type=Path)
    parser.add_argument("--hold", action="store_true")
    options = parser.parse_args()
    reads = 0
    in_order: list[Look] = []
    for seen in (read_holding if options.hold else read_in_loop)(options.file, options.stop):
        reads += 1
        if in_order and seen.as_of < in_order[-1].as_of:
            raise ProofFailed(f"{seen.release_id} after {in_order[-1].release_id}")
        if not in_order or seen != in_order[-1]:
            in_order.append(seen)
        if reads == 1:
            sys.stdout.write("reading\n")
            sys.stdout.flush()
    pairs = [[seen.release_id, seen.fingerprint] for seen in in_order]
    sys.stdout.write(json.dumps({"reads": reads, "seen": pairs}) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
