"""Limits on a query that DuckDB's own do not cover: one huge text, and functions that never look at the time.

DuckDB's limit of memory does not count a single huge text, so this process's address space is limited where the system
knows such a limit. A few functions (`sleep_ms`, one huge `levenshtein`) never look at DuckDB's `max_execution_time`, so
a watchdog may end the process.
"""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import RunFailed

JOIN_SECONDS = 1.0


@contextmanager
def bounded_address_space(extra_bytes: int) -> Iterator[None]:
    """Let this process grow by no more than so much during the block. Linux only; elsewhere the limit has no effect."""
    if sys.platform != "linux":
        yield
        return
    import resource  # POSIX only, so imported where the system is known

    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    wanted = pages * resource.getpagesize() + extra_bytes
    limits = [wanted, *(limit for limit in before if limit != resource.RLIM_INFINITY)]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@contextmanager
def watchdog(seconds: float, on_stuck: Callable[[], None] | None) -> Iterator[None]:
    """Call `on_stuck` from another thread where the block takes longer."""
    if on_stuck is None:
        yield
        return
    timer = threading.Timer(seconds, on_stuck)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        # A thread that still ends while the interpreter does makes the driver complain of what it holds.
        timer.join(JOIN_SECONDS)


def exit_stuck() -> None:
    """End this process: for `on_stuck` of a command, whose query listens to nothing. Nothing is half done by it."""
    sys.stderr.write("newsmart: the query ignored its time limit (setting query_seconds); ended\n")
    sys.stderr.flush()
    os._exit(RunFailed.exit_status)
