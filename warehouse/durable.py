"""Writing that survives a power cut, and reading that proves what was written.

A rename is atomic for those who look, but only lasts once the file and then the folder are flushed (POSIX leaves the
order open; ext4 and APFS do reorder). So every place that renames goes through here.

What newsmart keeps is files and folders. A link among them was put there by somebody else, and leads wherever that one
wants something read or overwritten. So no link is followed there, in no part of the way.
"""

import errno
import fcntl
import hashlib
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from secrets import token_hex

from schemas.errors import RunFailed, UsageError
from warehouse.owners import hand_over

# A copy that is given up, as after Ctrl-C, ends within so many bytes.
PIECE_BYTES = 1 << 26


class NotAFile(OSError):
    """A folder, pipe, socket or device stands where a file should."""


def check_place(target: Path) -> None:
    """Raise UsageError where no file can be put at a path that somebody named: no folder there, or no file."""
    if not target.parent.is_dir():
        raise UsageError("no such folder", where=str(target.parent), todo="make it, or choose another --to")
    if target.exists() and not target.is_file():
        raise UsageError("the file to write is there and is no file", where=str(target), todo="choose another --to")


def check_no_link(path: Path) -> None:
    """Raise RunFailed where a symbolic link stands in the place of a file or folder of newsmart's."""
    if path.is_symlink():
        todo = "put what it leads to in its place, or remove it"
        raise RunFailed("a link in the warehouse's folder is not followed", where=str(path), todo=todo)


def open_regular(folder: Path, name: str, flags: int = os.O_RDONLY) -> int:
    """Open a file below a folder without following a link in any part of its name; return the descriptor.

    Raises OSError, also for what is no file: it neither waits for one who writes into a pipe nor touches a device.
    """
    *folders, last = PurePosixPath(name).parts
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in folders:
            inner = _open_at(at, part, os.O_RDONLY | os.O_DIRECTORY)
            os.close(at)
            at = inner
        number = _open_at(at, last, flags | os.O_NONBLOCK)
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise NotAFile(errno.EINVAL, "not a file")
    return number


def read_regular(folder: Path, name: str, size: int = -1) -> bytes:
    """Return the first bytes of a file below a folder, or all of them. Raises OSError as `open_regular` does."""
    with open(open_regular(folder, name), "rb") as file:
        return file.read(size)


def _open_at(folder: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder)
    except OSError as error:
        # A link to a folder is told as "not a directory" where one was asked for.
        is_link = error.errno == errno.ELOOP or (
            error.errno == errno.ENOTDIR and stat.S_ISLNK(os.lstat(name, dir_fd=folder).st_mode)
        )
        if is_link:
            raise OSError(errno.ELOOP, "a link, which is not followed here") from error
        raise


def try_lock(number: int, *, shared: bool = False) -> bool:
    """Lock an open file or folder by flock until it is closed; return False where another holds it. Never waits.

    Raises OSError where the file system knows no such locks.
    """
    try:
        fcntl.flock(number, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_atomically(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Put the bytes at the path by write, fsync, rename, fsync of the folder. Raises OSError; leaves no part behind.

    The file is made anew under a name that nobody can foresee: a link that lies in wait is never followed. It keeps
    owner, group and mode of the file that it replaces; a first one takes the folder's, and `mode`, or the umask's.
    """
    temporary = path.with_name(f"{path.name}.{token_hex(8)}.tmp")
    number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(number, "wb") as file:
            if path.is_file() and not path.is_symlink():
                hand_over(file.fileno(), path, path.stat().st_mode & 0o777)
            else:
                hand_over(file.fileno(), path.parent, mode)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    fsync(path.parent)


def fsync(path: Path) -> None:
    """Flush a file's content, or the renames and new names in a folder, to the disk. Raises OSError."""
    number = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def copy_to_disk(source: Path, target: Path, is_given_up: Callable[[], bool] = lambda: False) -> None:
    """Copy a file's bytes into a new file and flush them; stop after a piece where the copy is given up.

    Where the file system can, both share their blocks. Raises OSError, also where the file becomes shorter meanwhile.
    """
    with source.open("rb") as old, target.open("xb") as new:
        size, done = os.fstat(old.fileno()).st_size, 0
        while done < size and not is_given_up():
            copied = _copy_piece(old.fileno(), new.fileno(), done, min(size - done, PIECE_BYTES))
            if copied == 0:
                raise OSError(errno.EIO, "the file became shorter while it was copied", str(source))
            done += copied
        os.fsync(new.fileno())


def _copy_piece(old: int, new: int, at: int, size: int) -> int:
    """Copy bytes from one place to the same place of the other file; return how many."""
    # Another file system, or not Linux; a few file systems copy nothing and do not say so.
    with suppress(OSError, AttributeError):
        if copied := os.copy_file_range(old, new, size, at, at):
            return copied
    return os.pwrite(new, os.pread(old, min(size, 1 << 20), at), at)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
