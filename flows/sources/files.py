"""The bytes of one file, or why there are none.

A document may be replaced, cut short or turned into something else while it is read, and a folder of news is not to be
trusted. So: opened without waiting (a FIFO cannot hang the run), without following a link that was not there at the
scan or leaves its source, judged by the descriptor and not by the name, read at most to the limit, and looked at again
afterwards: where size or times moved, read anew, three times at most.
"""

import errno
import os
import stat
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from flows.sources.scan import FileRef
from flows.sources.stores.address import URLS
from schemas.limits import FileState, file_state

MAX_BYTES = 5_000_000
"""What a document may have, wherever it lies."""
DENIED = "no right to read it"
"""How the trouble of a document starts that exists and may not be read."""
_TRIES = 3
_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ENXIO)
# These say nothing of the file: the run ends, and no document comes into quarantine for it.
_OF_SYSTEM = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)


class FileBytes(NamedTuple):
    """What a file held at a moment; data is None where it was not read, and trouble says why.

    trouble: vanished, unstable, too_big, or the system's own words for an unreadable file.
    """

    data: bytes | None
    state: FileState | None
    trouble: str | None = None


def read_files(refs: Sequence[FileRef]) -> Iterator[FileBytes]:
    """Read documents in order; those of a store are fetched several at a time."""
    for root, here in groupby(refs, key=lambda ref: ref.location[: -len(ref.path) - 1]):
        if root.startswith(URLS):
            from flows.sources.stores.store import read_store  # not at the top: folders do without

            yield from read_store(root, list(here))
        else:
            yield from map(read_file, here)


def forget_stores() -> None:
    """Close what reading keeps open for the next batch: an archive."""
    if "flows.sources.stores.archives" in sys.modules:
        from flows.sources.stores.archives import forget  # not at the top: folders do without

        forget()


def read_file(ref: FileRef) -> FileBytes:
    """Read one document. Raises nothing for what it meets in the folder."""
    if ref.data is not None:
        return FileBytes(ref.data, ref.state)
    for _ in range(_TRIES):
        try:
            found = _read_once(ref)
        except OSError as error:
            if error.errno in _OF_SYSTEM:
                raise
            return FileBytes(None, None, "vanished" if error.errno in _GONE else error.strerror or str(error))
        if found is not None:
            return found
    return FileBytes(None, None, "unstable")


def _read_once(ref: FileRef) -> FileBytes | None:
    """Read a file, or return None where it moved meanwhile. Raises OSError."""
    descriptor = _open(ref)
    try:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            return FileBytes(None, None, "vanished")
        if before.st_size > MAX_BYTES:
            return FileBytes(None, file_state(before), "too_big")
        data = _read_all(descriptor, before.st_size)
        after = os.fstat(descriptor)
    finally:
        os.close(descriptor)
    is_whole = len(data) == after.st_size and _moves(before) == _moves(after)
    return FileBytes(data, file_state(after)) if is_whole else None


def _moves(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _open(ref: FileRef) -> int:
    try:
        return os.open(ref.location, _FLAGS)
    except OSError as error:
        # Linux and macOS say ELOOP of a link, FreeBSD EMLINK.
        if error.errno not in (errno.ELOOP, errno.EMLINK):
            raise
    root = os.path.realpath(ref.location.removesuffix(ref.path))
    target = os.path.realpath(ref.location)
    if os.path.commonpath((root, target)) != root:
        raise FileNotFoundError(errno.ENOENT, "the link leaves its source")
    return os.open(target, _FLAGS)


def _read_all(descriptor: int, size: int) -> bytes:
    data = os.read(descriptor, size + 1)
    while len(data) <= size and (more := os.read(descriptor, size + 1 - len(data))):
        data += more
    return data
