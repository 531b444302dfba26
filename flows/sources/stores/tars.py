"""Documents in a tar archive, plain or packed by gzip or bzip2.

A tar has no directory and no checksum of content: each entry follows its header. So the whole archive is read once to
list it, where each document begins is one of its numbers, and the others are the archive's own: an archive that is as
it was is not opened for reading, one that was exported anew is read whole (bytes that are known are not parsed). A
packed one is unpacked up to the last document of each batch, in passing, which takes its time in a large archive.

A tar without its end (two blocks of zeros) was cut short, perhaps just between two documents: then nothing is known of
what it holds, and nothing of it is taken for removed. Headers are read by the standard library, through a file that
reads neither a large piece at once (a header may claim that its name has 8 GB) nor on and on (a packed archive may
unpack to a million times its size). What older Pythons do with a hostile header is prevented here too: they go back
for a negative size, and so on for ever, and search a row of digits again from each of them. xz is not read: Python
gives it no bound on memory.
"""

import bz2
import gzip
import os
import re
import tarfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any, BinaryIO, cast

from flows.sources.stores.address import Address
from flows.sources.stores.contract import (
    MAX_BYTES,
    MAX_ENTRIES,
    MAX_RATIO,
    MAX_UNPACKED,
    TOO_MANY,
    TOO_MUCH,
    Entry,
    Got,
    NotListed,
    Numbers,
    Reference,
    hash63,
    numbers_of,
)
from flows.sources.stores.zips import path_of
from schemas.errors import SourceUnreadable

DAMAGED = (tarfile.TarError, zlib.error, EOFError, ValueError, OverflowError, RecursionError)
MAX_PIECE = MAX_BYTES + tarfile.RECORDSIZE
# Of a header's numbers, the longest is a size, and no name may be longer.
LONG_NUMBER = re.compile(rb"[0-9]{300}")


class _Bomb(tarfile.TarError):
    """An archive that would cost far more than its size; the text says why."""


class _Bounded:
    """The bytes of an archive, unpacked, with bounds. Raises tarfile.ReadError where one is passed."""

    def __init__(self, path: str) -> None:
        """Open the archive. Raises OSError."""
        self._raw = open(path, "rb")  # noqa: SIM115  closed by close
        self.status = os.fstat(self._raw.fileno())
        self._file = _unpacked(self._raw)
        self._limit = max(MAX_UNPACKED, MAX_RATIO * self.status.st_size)

    def read(self, size: int = -1) -> bytes:
        """Read up to so many bytes."""
        if not 0 <= size <= MAX_PIECE:
            raise tarfile.ReadError("a piece that is too large")
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; in a packed archive all between is unpacked, and forgotten."""
        if whence != os.SEEK_SET:
            raise tarfile.ReadError("a place that is not counted from the beginning")
        if offset > self._limit and self._file is not self._raw:
            raise _Bomb(TOO_MUCH)
        return self._file.seek(offset)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def close(self) -> None:
        """Close the archive."""
        self._file.close()
        self._raw.close()


class _Headers(_Bounded):
    """An archive of which headers alone are read. Raises tarfile.ReadError for one that is made to be slow."""

    def read(self, size: int = -1) -> bytes:
        """Read up to so many bytes."""
        data = super().read(size)
        if LONG_NUMBER.search(data):
            raise tarfile.ReadError("a number that is too long")
        return data


def _unpacked(raw: BinaryIO) -> BinaryIO:
    head = raw.read(3)
    raw.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if head.startswith(b"BZh"):
        return cast(BinaryIO, bz2.BZ2File(raw))
    return raw  # packed by another method, it has no header that makes sense


def list_tar(address: Address) -> Iterator[Entry]:
    """Yield what lies in a tar below the address's prefix, in its order. Raises NotListed."""
    try:
        with closing(_Headers(address.container)) as file:
            identity = _identity(file.status)
            for member in _members(file):
                path = path_of(member.name)
                if path.startswith(address.folder) and not member.isdir():
                    numbers = Numbers(member.size, file.status.st_mtime_ns, identity, member.offset_data)
                    yield Entry(path[len(address.folder) :], numbers, _flaw(member))
    except _Bomb as error:
        raise NotListed(str(error)) from None
    except DAMAGED:
        raise NotListed("no whole tar archive (plain, .gz or .bz2)") from None
    except OSError as error:  # gzip's own is one too, without the system's words
        raise NotListed(error.strerror or "no whole tar archive (plain, .gz or .bz2)") from None


def _members(file: _Bounded) -> Iterator[tarfile.TarInfo]:
    """Yield the entries, then make sure that the archive has its end. Raises what a damaged archive makes it raise."""
    with tarfile.TarFile(fileobj=cast(BinaryIO, file)) as archive:
        count, end = 0, 0
        while (member := archive.next()) is not None:
            cast(Any, archive).members.clear()  # or it keeps them all
            count += 1
            if member.size < 0 or archive.offset <= end:
                raise tarfile.ReadError("an entry that leads back")
            if count > MAX_ENTRIES:
                raise _Bomb(TOO_MANY)
            end = archive.offset
            yield member
        file.seek(archive.offset)
    if file.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
        raise tarfile.ReadError("no end")


def _flaw(member: tarfile.TarInfo) -> str | None:
    if member.issym() or member.islnk():
        return "link"
    return None if member.isreg() and not member.issparse() else "not_a_file"


def _identity(status: os.stat_result) -> int:
    return hash63(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def read_tar(address: Address, refs: Sequence[Reference]) -> Iterator[Got]:
    """Yield the documents. Raises SourceUnreadable where the archive is not what it was when it was listed."""
    try:
        with closing(_Bounded(address.container)) as file:
            identity = _identity(file.status)
            if any(ref.ctime_ns != identity for ref in refs):
                raise SourceUnreadable("the archive changed while it was read", where=address.container, todo=_AGAIN)
            wanted = sorted((ref.inode, ref.size) for ref in refs if ref.size <= MAX_BYTES)
            found = {place: _read(file, place, size) for place, size in wanted}
    except (OSError, *DAMAGED) as error:
        raise SourceUnreadable("the archive cannot be read", where=address.container, todo=_AGAIN) from error
    for ref in refs:
        data = found.get(ref.inode)
        yield Got(data, numbers_of(ref), None if data is not None else "too_big")


_AGAIN = "run again once it is in place"


def _read(file: _Bounded, place: int, size: int) -> bytes:
    file.seek(place)
    data = file.read(size)
    if len(data) != size:
        raise EOFError
    return data
