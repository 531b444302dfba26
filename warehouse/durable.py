"""Writing that survives a power cut, and reading that proves what was written.

A rename is atomic for those who look, but only lasts once the file and then the folder are flushed (POSIX leaves the
order open; ext4 and APFS do reorder). So every place that renames goes through here.
"""

import hashlib
import os
import stat
from pathlib import Path
from secrets import token_hex

from schemas.errors import UsageError
from warehouse.owners import hand_over


def check_place(target: Path) -> None:
    """Raise UsageError where no file can be put at a path that somebody named: no folder there, or no file."""
    if not target.parent.is_dir():
        raise UsageError("no such folder", where=str(target.parent), todo="make it, or choose another --to")
    if target.exists() and not target.is_file():
        raise UsageError("the file to write is there and is no file", where=str(target), todo="choose another --to")


def write_atomically(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Put the bytes at the path by write, fsync, rename, fsync of the folder. Raises OSError; leaves no part behind.

    The file is made anew under a name that nobody can foresee: a link that lies in wait is never followed. It keeps
    owner, group and mode of the file that it replaces; a first one takes the folder's, and `mode`, or the umask's.
    """
    temporary = path.with_name(f"{path.name}.{token_hex(8)}.tmp")
    number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(number, "wb") as file:
            _take_after(file.fileno(), path, mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync_folder(path.parent)


def _take_after(number: int, path: Path, mode: int | None) -> None:
    try:
        former = path.lstat()
    except FileNotFoundError:
        former = None
    if former is not None and stat.S_ISREG(former.st_mode):
        hand_over(number, path, former.st_mode & 0o777)
    else:
        hand_over(number, path.parent, mode)


def fsync_folder(folder: Path) -> None:
    """Make the renames and new names in a folder last through a power cut. Raises OSError."""
    number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def fsync_file(path: Path) -> None:
    """Flush a file's content to the disk. Raises OSError."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
