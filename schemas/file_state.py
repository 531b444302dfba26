"""The numbers that tell one state of a file from another, as the ledger keeps them: in 63 bits and a sign.

A file's times are whatever somebody set (a date after 2262 is more nanoseconds than 64 bits hold), some file systems
number their files with all 64 bits, and an archive says of its documents what its maker liked. None of that may end a
run: such a number is cut to what can be kept, for it only tells whether a file is still as it was. A file from the
future is looked at in each run, as any that may have changed since it was known, and no document is so large.
"""

import os

MOST = 2**63 - 1

FileState = tuple[int, int, int, int]
"""A file's size in bytes, its times of modification and of change in ns since 1970, and its inode."""


def file_state(status: os.stat_result) -> FileState:
    """Return the state of a file of this machine."""
    return cut_state(status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def cut_state(size: int, mtime: int, ctime: int, inode: int) -> FileState:
    """Return a state whose numbers can be kept."""
    # All at once, as it is asked of every file in every run.
    if not (size <= MOST and -MOST <= mtime <= MOST and -MOST <= ctime <= MOST):
        size, mtime, ctime = (max(-MOST, min(number, MOST)) for number in (size, mtime, ctime))
    return size, mtime, ctime, inode & MOST
