"""Limits of numbers from outside, so that none overflows: what a person may set, and what is said of a file.

A file's times are whatever somebody set (a date after 2262 is more nanoseconds than 64 bits hold), some file systems
number their files with all 64 bits, and an archive says of its documents what its maker liked. None of that may end a
run: such a number is cut to what can be kept, for it only tells whether a file is still as it was. A file from the
future is looked at in each run, as any that may have changed since it was known, and no document is so large.
"""

import os
import re

from schemas.errors import UsageError

MOST_SECONDS = 1_000_000_000
"""Three decades; clocks, timers and DuckDB count further."""
MOST_WORKERS = 1_024
"""Reading processes."""
MOST_BYTES = 10**15
"""Nobody has more memory; DuckDB and the system's own limits count in 64 bits."""
_MOST = 2**63 - 1
# Letters of both cases by name: IGNORECASE takes the Kelvin sign for a K.
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*(?:([KMGTkmgt])([Ii]?)[Bb]?|[Bb])\s*")


def size_bytes(text: str) -> int:
    """Return the bytes that a size such as `2GB` or `512MiB` means.

    Raises UsageError for anything else, for less than a byte and for over 1,000 TB.
    """
    match = _SIZE.fullmatch(text)
    number, unit, binary = match.groups("") if match else ("0", "", "")
    size = float(number) * (1024 if binary else 1000) ** " KMGT".index(unit.upper() or " ")
    if not 1 <= size <= MOST_BYTES:
        raise UsageError("not a size", where=repr(text), todo="such as 512MB, 2GB, 1.5GiB, at most 1000TB")
    return int(size)


FileState = tuple[int, int, int, int]
"""A file's size in bytes, its times of modification and of change in ns since 1970, and its inode."""


def file_state(status: os.stat_result) -> FileState:
    """Return the state of a file of this machine, which tells it from the file's other states."""
    return cut_state(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def cut_state(size: int, mtime: int, ctime: int, inode: int) -> FileState:
    """Return a state whose numbers can be kept, in 63 bits and a sign."""
    # All at once, as it is asked of every file in every run.
    if not (size <= _MOST and -_MOST <= mtime <= _MOST and -_MOST <= ctime <= _MOST):
        size, mtime, ctime = (max(-_MOST, min(number, _MOST)) for number in (size, mtime, ctime))
    return size, mtime, ctime, inode & _MOST
