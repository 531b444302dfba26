"""Documents in a zip archive.

The directory at a zip's end has each entry's size and CRC, so an entry that says what it said is not opened, also in
an archive that was exported anew. What an entry claims is not believed: at most as many bytes as a document may have
are unpacked, in small pieces, whatever its size field says. Entries that share bytes are refused, with the archive:
that is how a small one unpacks to petabytes. All that may be unpacked of an archive has a limit too. Only stored and
deflated entries are read, which is what exports write: Python unpacks the other methods in pieces of any size, so that
a few bytes could ask for all memory.

Times in a zip have no zone and a grain of two seconds. One that lies after the archive's own mtime (an export from a
place east of here) is taken for that, or the document would be read again until its time has passed.
"""

import os
import stat
import zlib
from calendar import timegm
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise, takewhile
from operator import attrgetter
from struct import error as struct_error
from typing import NamedTuple
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

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
)
from schemas.errors import SourceUnreadable

# What a damaged or hostile archive makes the standard library raise, beside OSError.
DAMAGED = (BadZipFile, LargeZipFile, zlib.error, struct_error, EOFError, ValueError, NotImplementedError, OverflowError)
_PIECE = 65_536
_ENCRYPTED = 0x1
# A local header's fixed part; its name follows, as the directory has it, and perhaps more.
_HEADER_BYTES = 30


class _Bomb(BadZipFile):
    """An archive that would cost far more than its size; the text says why."""


class _Archive(NamedTuple):
    """An open archive, and its last entry of each path."""

    file: ZipFile
    mtime_ns: int
    entries: dict[str, ZipInfo]


def list_zip(address: Address) -> Iterator[Entry]:
    """Yield what lies in a zip below the address's prefix, in its order. Raises NotListed."""
    try:
        status = os.stat(address.container)
        with ZipFile(address.container) as archive:
            found = _bounded(archive, status.st_size)
    except OSError as error:
        raise NotListed(error.strerror or "cannot be read") from None
    except _Bomb as error:
        raise NotListed(str(error)) from None
    except DAMAGED:
        raise NotListed("no whole zip archive") from None
    for info in found:
        path = path_of(info.filename)
        if path.startswith(address.folder) and not info.is_dir():
            yield Entry(path[len(address.folder) :], _numbers(info, status.st_mtime_ns), _flaw(info))


def _bounded(archive: ZipFile, size: int) -> list[ZipInfo]:
    """Return the entries. Raises _Bomb where they are too many, share bytes, or unpack to too much."""
    found = archive.infolist()
    if len(found) > MAX_ENTRIES:
        raise _Bomb(TOO_MANY)
    if sum(info.file_size for info in found if info.file_size <= MAX_BYTES) > max(MAX_UNPACKED, MAX_RATIO * size):
        raise _Bomb(TOO_MUCH)
    for info, following in pairwise(sorted(found, key=attrgetter("header_offset"))):
        end = info.header_offset + _HEADER_BYTES + len(info.orig_filename) + info.compress_size
        if end > following.header_offset:
            raise _Bomb("an archive whose entries overlap")
    return found


def path_of(name: str) -> str:
    """Return an entry's name as a path: without the `./` that archivers put first."""
    while name.startswith("./"):
        name = name[2:]
    return name


def _flaw(info: ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "link"
    return "not_a_file" if kind not in (0, stat.S_IFREG) else None


def _numbers(info: ZipInfo, archive_mtime_ns: int) -> Numbers:
    try:
        seconds = timegm((*info.date_time, 0, 1, -1))
    except (ValueError, OverflowError):  # the thirty-first of month 0 and the like
        seconds = 0
    identity = hash63(info.CRC, info.compress_size, info.compress_type)
    return Numbers(info.file_size, min(seconds * 10**9, archive_mtime_ns), identity, 0)


def read_zip(address: Address, refs: Sequence[Reference]) -> Iterator[Got]:
    """Yield the documents, each as it is now. Raises SourceUnreadable where the archive does not open any more."""
    archive = _open(address.container)
    for ref in refs:
        info = archive.entries.get(address.folder + ref.path)
        if info is None or _flaw(info) is not None:
            yield Got(None, None, "vanished")
        else:
            yield _read(archive, info)


def _open(path: str) -> _Archive:
    try:
        status = os.stat(path)
        return _opened(path, (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))
    except (OSError, *DAMAGED) as error:
        todo = "it was whole when the run began; run again once it is in place"
        raise SourceUnreadable("the archive cannot be read", where=path, todo=todo) from error


@lru_cache(maxsize=1)
def _opened(path: str, identity: tuple[int, int, int, int]) -> _Archive:
    """Open an archive; the next batch of this process finds it open, for its directory may list a million entries."""
    file = ZipFile(path)
    found = _bounded(file, os.stat(path).st_size)
    return _Archive(file, identity[-1], {path_of(info.filename): info for info in found})


def _read(archive: _Archive, info: ZipInfo) -> Got:
    numbers = _numbers(info, archive.mtime_ns)
    if info.file_size > MAX_BYTES:
        return Got(None, numbers, "too_big")
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return Got(None, None, f"packed by method {info.compress_type}, which is not read")
    if info.flag_bits & _ENCRYPTED:
        return Got(None, None, "encrypted")
    try:
        with archive.file.open(info) as stream:
            # Never more than the size that it claims; then its CRC is looked at.
            return Got(b"".join(takewhile(bool, iter(lambda: stream.read(_PIECE), None))), numbers)
    except OSError as error:
        return Got(None, None, error.strerror or "cannot be read")
    except (*DAMAGED, RuntimeError):
        return Got(None, None, "a damaged entry of its archive")
