"""The numbers that tell one state of a file from another, as the ledger keeps them: in 63 bits and a sign.

A file's times are whatever somebody set (a date after 2262 is more nanoseconds than 64 bits hold), some file systems
number their files with all 64 bits, and an archive says of its documents what its maker liked. None of that may end a
run: such a number is cut to what can be kept, for it only tells whether a file is still as it was. A file from the
future is looked at in each run, as any that may have changed since it was known, and no document is so large.
"""

from typing import Protocol

MOST = 2**63 - 1


class Status(Protocol):
    """What the system, or a store, says of a file: os.stat_result, or what has the same names."""

    @property
    def st_size(self) -> int:
        """Bytes."""

    @property
    def st_mtime_ns(self) -> int:
        """Time of modification."""

    @property
    def st_ctime_ns(self) -> int:
        """Time of the last change of what the system says of the file."""

    @property
    def st_ino(self) -> int:
        """Number of the file."""


def file_state(status: Status) -> tuple[int, int, int, int]:
    """Return a file's size in bytes, its times of modification and of change in ns since 1970, and its inode."""
    size, mtime, ctime = status.st_size, status.st_mtime_ns, status.st_ctime_ns
    # All at once, as it is asked of every file in every run.
    if not (size <= MOST and -MOST <= mtime <= MOST and -MOST <= ctime <= MOST):
        size, mtime, ctime = (max(-MOST, min(number, MOST)) for number in (size, mtime, ctime))
    return size, mtime, ctime, status.st_ino & MOST
