"""The numbers that tell one state of a file from another, as the ledger keeps them: in 63 bits and a sign.

A file's times are whatever somebody set (a date after 2262 is more nanoseconds than 64 bits hold), and some file
systems number their files with all 64 bits. Neither may end a run: such a number is cut to what can be kept, which
costs nothing, for it is only ever compared with itself.
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
    mtime = status.st_mtime_ns
    if not -MOST <= mtime <= MOST:
        mtime = MOST if mtime > 0 else -MOST
    return status.st_size, mtime, status.st_ctime_ns, status.st_ino & MOST
