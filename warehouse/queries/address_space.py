"""A limit on what this process may grow by, for what DuckDB's own limit of memory does not count: one huge text."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
