"""Proves that no Ctrl-C or SIGTERM is lost: many of them, each at a random moment of work on a ledger, all answered.

    python -m tests.proofs.interrupts --rounds 2000

A round opens a ledger, writes in a transaction, reads with two threads, and goes on so until it is interrupted. Half of
the rounds also let Python swallow the KeyboardInterrupt, in a finalizer, as it does in places that nobody chooses. A
round that is not over in time, or in which a transaction committed after the signal, is a loss.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import duckdb

from tests.signals import ctrl_c_minded
from warehouse import interrupts
from warehouse.home import Home
from warehouse.ledger.opening import get_meta, open_ledger, set_meta, transaction
from warehouse.parallel import map_queries

PATIENCE_SECONDS = 10.0
LATEST_SECONDS = 0.1


class Swallower:
    """Something that dies while the signal comes: what is raised in a finalizer, Python only prints."""

    def __init__(self, number: signal.Signals = signal.SIGINT) -> None:
        """In: the signal, Ctrl-C or SIGTERM."""
        self.number = number

    def __del__(self) -> None:
        """Send the signal and stay until it is here."""
        os.kill(os.getpid(), self.number)
        time.sleep(0.001)


def work(home: Home, number: signal.Signals | None) -> None:
    """Write and read until interrupted, or for as long as anybody would wait. In: a signal to swallow, if any."""
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        with open_ledger(home) as connection:
            with transaction(connection):
                set_meta(connection, "is_late", "true" if interrupts.is_pending() else "false")
                if number is not None:
                    Swallower(number)
                    set_meta(connection, "is_late", "true")
            map_queries(connection, "ledger", read, range(4))


def read(number: int, cursor: duckdb.DuckDBPyConnection) -> int:
    """Ask something that takes a few milliseconds."""
    rows = cursor.execute("select count(*) from range($1) as one(i) where i % 7 = 1", [100_000 + number]).fetchall()
    return int(rows[0][0])


def is_answered(home: Home, seed: int) -> bool:
    """Interrupt one round of work at a random moment; tell whether it ended by that, and nothing was committed late."""
    swallow, number = seed % 2 == 1, signal.SIGTERM if seed % 4 > 1 else signal.SIGINT
    timer = threading.Timer(random.Random(seed).uniform(0, LATEST_SECONDS), os.kill, (os.getpid(), number))
    with interrupts.honoured():
        try:
            if not swallow:
                timer.start()
            work(home, number if swallow else None)
            is_raised = False
        except KeyboardInterrupt as error:
            is_raised = isinstance(error, interrupts.Terminated) == (number == signal.SIGTERM)
        interrupts.conclude()
        timer.cancel()
    return is_raised and not is_late(home)


def is_late(home: Home) -> bool:
    """Tell whether a transaction was committed after the signal."""
    with open_ledger(home) as connection:
        return get_meta(connection, "is_late", "false") == "true"


def main(arguments: Sequence[str] | None = None) -> int:
    """Prove it; exit 1 where one was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.proofs.interrupts", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=500, help="signals (default: 500)")
    parser.add_argument("--seed", type=int, default=0, help="of the first round (default: 0)")
    options = parser.parse_args(arguments)
    # What a finalizer swallows is printed otherwise.
    sys.unraisablehook = lambda _: None
    with ctrl_c_minded(), tempfile.TemporaryDirectory() as place:
        home = Home.of(Path(place) / "news.duckdb")
        home.prepare()
        seeds = range(options.seed, options.seed + options.rounds)
        lost = [seed for seed in seeds if not is_answered(home, seed)]
    sys.stdout.write(f"{options.rounds} interrupts, lost: {lost or 'none'}\n")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
