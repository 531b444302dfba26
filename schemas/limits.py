"""Limits of numbers: of what a person may set, and of what is known of a file.

A file's times are whatever somebody set (a date after 2262 is more nanoseconds than 64 bits hold), some file systems
number their files with all 64 bits, and an archive says of its documents what its maker liked. None of that may end a
run: such a number is cut to 63 bits and a sign, for it only tells whether a file is still as it was.
"""

import re
from typing import Any

from schemas.errors import UsageError

MOST_SECONDS = 1_000_000_000
"""Three decades; clocks, timers and DuckDB count further."""
MOST_WORKERS = 1_024
"""Reading processes."""
MOST_BYTES = 10**15
"""Nobody has more memory; DuckDB and the system's own limits count in 64 bits."""
MOST = 2**63 - 1
"""A BIGINT of DuckDB."""
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?i?B?)\s*", re.IGNORECASE)


def size_bytes(text: str) -> int:
    """Return the bytes that a size such as `2GB` or `512MiB` means.

    Raises UsageError for anything else, for less than a byte and for over 1,000 TB.
    """
    match = _SIZE.fullmatch(text)
    unit = match[2].upper().rstrip("B") if match else ""
    if match is None or (unit == "" and match[2] == "") or unit == "I":
        raise _no_size(text)
    base = 1024 if unit.endswith("I") else 1000
    size = float(match[1]) * base ** " KMGT".index(unit.rstrip("I") or " ")
    if not 1 <= size <= MOST_BYTES:
        raise _no_size(text)
    return int(size)


def _no_size(text: str) -> UsageError:
    return UsageError("not a size", where=repr(text), todo="such as 512MB, 2GB, 1.5GiB, at most 1000TB")


def file_state(status: Any) -> tuple[int, int, int, int]:
    """Return a file's size in bytes, its times of modification and of change in ns since 1970, and its inode.

    In: os.stat_result, or what a store gives with the same names.
    """
    size, mtime, ctime = status.st_size, status.st_mtime_ns, status.st_ctime_ns
    # All at once, as it is asked of every file in every run.
    if not (size <= MOST and -MOST <= mtime <= MOST and -MOST <= ctime <= MOST):
        size, mtime, ctime = (max(-MOST, min(number, MOST)) for number in (size, mtime, ctime))
    return size, mtime, ctime, status.st_ino & MOST
