"""Documents in a zip archive, or in a tar archive: plain, or packed by gzip or bzip2.

**Zip.** The directory at its end has each entry's size and CRC, so an entry that says what it said is not opened, also
in an archive that was exported anew. Entries that share bytes are refused, with the archive: that is how a small one
unpacks to petabytes. Only stored and deflated entries are read: Python unpacks the other methods in pieces of any size,
so a few bytes could ask for all memory. Times in a zip have no zone and a grain of two seconds. A time later than the
archive's own is cut to it, or the document would be read again until its time has passed.

**Tar.** It has no directory and no checksum of content: each entry follows its header. So the whole archive is read
once to list it. One of a document's numbers is where it begins, the others are the archive's own: an archive that did
not change is not read again, one that was exported anew is read whole. A packed one is unpacked up to the last document
of each batch. A tar without its end (two blocks of zeros) was cut short, perhaps between two documents: nothing is
known of what it holds, so nothing is taken for removed. xz is not read: Python gives it no bound on memory.

Nothing that an archive claims is believed: pieces are read in bounded size, and there are limits to the number of
entries and to what may be unpacked. The standard library's tar reader follows negative sizes backwards for ever and
searches long rows of digits again and again; both are caught here.
"""

import bz2
import gzip
import os
import re
import stat
import tarfile
import zlib
from calendar import timegm
from collections.abc import Iterator, Sequence
from contextlib import closing
from functools import lru_cache
from itertools import pairwise, takewhile
from operator import attrgetter
from struct import error as struct_error
from typing import Any, BinaryIO, NamedTuple, cast
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, LargeZipFile, ZipFile, ZipInfo

from flows.sources.files import MAX_BYTES, FileBytes
from flows.sources.scan import FileRef
from flows.sources.stores.address import Address
from flows.sources.stores.store import Entry, NotListed, hash63
from schemas.errors import SourceUnreadable
from schemas.limits import FileState, cut_state

# Text packs to a tenth, repeated text to a hundredth: beyond both of the first two limits an archive is a bomb. Each
# entry costs a kilobyte while the archive is listed.
MAX_UNPACKED = 100_000_000
MAX_RATIO = 100
MAX_ENTRIES = 1_000_000
_TOO_MUCH = "an archive that unpacks to too much: over 100 MB, and over 100 times its size"
_TOO_MANY = f"an archive of over {MAX_ENTRIES:,} entries"

# What a damaged or hostile archive makes the standard library raise, beside OSError.
_DAMAGED = (
    *(tarfile.TarError, BadZipFile, LargeZipFile, zlib.error, struct_error),
    *(EOFError, ValueError, OverflowError, NotImplementedError, RecursionError),
)
_WHOLE = {"zip": "no whole zip archive", "tar": "no whole tar archive (plain, .gz or .bz2)"}
_PIECE = 65_536
_ENCRYPTED = 0x1
_HERE = re.compile(r"\A(?:\./)+")
# A zip's local header without the name, which follows it.
_HEADER_BYTES = 30
_MAX_TAR_PIECE = MAX_BYTES + tarfile.RECORDSIZE
# The longest number in a tar's header is a size, and no name may be longer.
_LONG_NUMBER = re.compile(rb"[0-9]{300}")


def list_entries(address: Address) -> Iterator[Entry]:
    """Yield what lies in an archive below the address's prefix, in its order. Raises NotListed."""
    forget()
    entries = _zip_entries if address.scheme == "zip" else _tar_entries
    try:
        for entry in entries(address.container):
            path = _path_of(entry.path)
            if path.startswith(address.folder):
                yield entry._replace(path=path[len(address.folder) :])
    except OSError as error:  # gzip's own is one too, without the system's words
        raise NotListed(error.strerror or _WHOLE[address.scheme]) from None
    except _DAMAGED:
        raise NotListed(_WHOLE[address.scheme]) from None


def forget() -> None:
    """Close the archive that is kept open for the next batch."""
    _opened.cache_clear()


def _path_of(name: str) -> str:
    """Return an entry's name without the `./` that archivers put first."""
    return _HERE.sub("", name)


def read_documents(address: Address, refs: Sequence[FileRef]) -> Iterator[FileBytes]:
    """Yield the documents. Raises SourceUnreadable where the archive is not what it was when it was listed."""
    read = _read_zip if address.scheme == "zip" else _read_tar
    try:
        yield from read(address, refs)
    except (OSError, NotListed, *_DAMAGED) as error:
        todo = "it was whole when the run began; run again once it is in place"
        raise SourceUnreadable("the archive cannot be read", where=address.container, todo=todo) from error


class _Zip(NamedTuple):
    file: ZipFile
    mtime_ns: int
    entries: dict[str, ZipInfo]


def _zip_entries(path: str) -> Iterator[Entry]:
    archive = _open_zip(path)
    for info in archive.file.infolist():
        if not info.is_dir():
            yield Entry(info.filename, _zip_state(info, archive.mtime_ns), _zip_flaw(info))


def _checked(archive: ZipFile, size: int) -> list[ZipInfo]:
    """Return the entries. Raises NotListed where they are too many, share bytes, or unpack to too much."""
    found = archive.infolist()
    if len(found) > MAX_ENTRIES:
        raise NotListed(_TOO_MANY)
    if sum(info.file_size for info in found if info.file_size <= MAX_BYTES) > max(MAX_UNPACKED, MAX_RATIO * size):
        raise NotListed(_TOO_MUCH)
    for info, following in pairwise(sorted(found, key=attrgetter("header_offset"))):
        end = info.header_offset + _HEADER_BYTES + len(info.orig_filename) + info.compress_size
        if end > following.header_offset:
            raise NotListed("an archive whose entries overlap")
    return found


def _zip_flaw(info: ZipInfo) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return "link"
    return "not_a_file" if kind not in (0, stat.S_IFREG) else None


def _zip_state(info: ZipInfo, archive_mtime_ns: int) -> FileState:
    try:
        seconds = timegm((*info.date_time, 0, 1, -1))
    except (ValueError, OverflowError):  # the thirty-first of month 0 and the like
        seconds = 0
    identity = hash63(info.CRC, info.compress_size, info.compress_type)
    return cut_state(info.file_size, min(seconds * 10**9, archive_mtime_ns), identity, 0)


def _read_zip(address: Address, refs: Sequence[FileRef]) -> Iterator[FileBytes]:
    archive = _open_zip(address.container)
    for ref in refs:
        info = archive.entries.get(address.folder + ref.path)
        if info is None or _zip_flaw(info) is not None:
            yield FileBytes(None, None, "vanished")
        else:
            yield _read_zipped(archive, info)


def _open_zip(path: str) -> _Zip:
    """Open an archive, or return it as it was opened: its directory may list a million entries. Raises NotListed."""
    status = os.stat(path)
    return _opened(path, (status.st_dev, status.st_ino, status.st_ctime_ns, status.st_size, status.st_mtime_ns))


@lru_cache(maxsize=1)
def _opened(path: str, identity: tuple[int, int, int, int, int]) -> _Zip:
    file = ZipFile(path)
    *_, size, mtime_ns = identity
    return _Zip(file, mtime_ns, {_path_of(info.filename): info for info in _checked(file, size)})


def _read_zipped(archive: _Zip, info: ZipInfo) -> FileBytes:
    state = _zip_state(info, archive.mtime_ns)
    if info.file_size > MAX_BYTES:
        return FileBytes(None, state, "too_big")
    if info.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return FileBytes(None, None, f"packed by method {info.compress_type}, which is not read")
    if info.flag_bits & _ENCRYPTED:
        return FileBytes(None, None, "encrypted")
    try:
        with archive.file.open(info) as stream:
            # Never more than the size that it claims; then its CRC is looked at.
            return FileBytes(b"".join(takewhile(bool, iter(lambda: stream.read(_PIECE), None))), state)
    except OSError as error:
        return FileBytes(None, None, error.strerror or "cannot be read")
    except (*_DAMAGED, RuntimeError):
        return FileBytes(None, None, "a damaged entry of its archive")


class _TarBytes:
    """The bytes of a tar archive, unpacked, with bounds. Raises tarfile.ReadError where one is passed."""

    def __init__(self, path: str, *, has_headers: bool) -> None:
        """Open the archive; `has_headers`: what is read is headers, not documents. Raises OSError."""
        self._raw = open(path, "rb")  # noqa: SIM115  closed by close
        self._file = _unpacked(self._raw)
        status = os.fstat(self._raw.fileno())
        self._limit = max(MAX_UNPACKED, MAX_RATIO * status.st_size)
        self._has_headers = has_headers
        self.mtime_ns = status.st_mtime_ns
        # Another number when the archive is another.
        self.identity = hash63(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def read(self, size: int = -1) -> bytes:
        """Read up to so many bytes."""
        if not 0 <= size <= _MAX_TAR_PIECE:
            raise tarfile.ReadError("a piece that is too large")
        data = self._file.read(size)
        if self._has_headers and _LONG_NUMBER.search(data):
            raise tarfile.ReadError("a number that is too long")
        return data

    def seek(self, offset: int) -> int:
        """Go to a place; in a packed archive all between is unpacked, and forgotten."""
        if offset > self._limit and self._file is not self._raw:
            raise NotListed(_TOO_MUCH)
        return self._file.seek(offset)

    def tell(self) -> int:
        """Return the place."""
        return self._file.tell()

    def close(self) -> None:
        """Close the archive."""
        self._file.close()
        self._raw.close()


def _unpacked(raw: BinaryIO) -> BinaryIO:
    head = raw.read(3)
    raw.seek(0)
    if head.startswith(b"\x1f\x8b"):
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    if head.startswith(b"BZh"):
        return cast(BinaryIO, bz2.BZ2File(raw))
    return raw  # packed by another method, it has no header that makes sense


def _tar_entries(path: str) -> Iterator[Entry]:
    """Yield the entries, then make sure that the archive has its end. Raises what a damaged archive makes it raise."""
    with closing(_TarBytes(path, has_headers=True)) as file:
        archive, end = tarfile.TarFile(fileobj=cast(BinaryIO, file)), 0
        for count, member in enumerate(iter(archive.next, None), 1):
            cast(Any, archive).members.clear()  # or it keeps them all
            if member.size < 0 or archive.offset <= end:
                raise tarfile.ReadError("an entry that leads back")
            if count > MAX_ENTRIES:
                raise NotListed(_TOO_MANY)
            end = archive.offset
            if not member.isdir():
                state = cut_state(member.size, file.mtime_ns, file.identity, member.offset_data)
                yield Entry(member.name, state, _tar_flaw(member))
        file.seek(archive.offset)
        if file.read(tarfile.BLOCKSIZE) != tarfile.NUL * tarfile.BLOCKSIZE:
            raise tarfile.ReadError("no end")


def _tar_flaw(member: tarfile.TarInfo) -> str | None:
    if member.issym() or member.islnk():
        return "link"
    return None if member.isreg() and not member.issparse() else "not_a_file"


def _read_tar(address: Address, refs: Sequence[FileRef]) -> Iterator[FileBytes]:
    found: dict[int, bytes] = {}
    with closing(_TarBytes(address.container, has_headers=False)) as file:
        if any(ref.ctime_ns != file.identity for ref in refs):
            todo = "run again once it is in place"
            raise SourceUnreadable("the archive changed while it was read", where=address.container, todo=todo)
        # In the order of the archive, so that a packed one is unpacked once.
        for place, size in sorted((ref.inode, ref.size) for ref in refs if ref.size <= MAX_BYTES):
            file.seek(place)
            found[place] = file.read(size)
            if len(found[place]) != size:
                raise EOFError
    for ref in refs:
        data = found.get(ref.inode)
        yield FileBytes(data, ref.state, None if data is not None else "too_big")
