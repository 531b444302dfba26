"""Whose a warehouse is: FILE.d belongs to one user, and all that is made in it belongs to that user too.

Root runs `maintain` or `purge` now and then, and a shell has a umask of its own. A file that root makes anew, such as a
compacted ledger, would be closed to the service's user for good. So what is made takes owner, group and mode after what
it replaces or the folder it lies in; the ledger stays 0600. Only root can give files away: for any other user the run
says what to do.

A descriptor is changed, never a path: the folder's owner could put a link in its place meanwhile, and root would give
away what the link names. Rejected: giving up root for the owner's identity, for sources may be root's alone to read.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from schemas.errors import RunFailed
from warehouse.refusals import of_rights, user_name

PRIVATE_MODE = 0o600
_ENTER, _WRITE = 0o111, 0o222


def make_folder(folder: Path, *, like_parent: bool) -> None:
    """Make a folder, and those above it, where they are not there; each takes after the folder that it lies in.

    like_parent: it takes the mode too; without, the umask decides on that, and only root gives the folder away. Raises
    OSError.
    """
    if folder.is_dir():
        return
    if not folder.parent.is_dir():
        make_folder(folder.parent, like_parent=False)
    with suppress(FileExistsError):
        folder.mkdir()
    if like_parent or os.geteuid() == 0:
        with _opened(folder) as number:
            hand_over(number, folder.parent, _mode_of(folder.parent) if like_parent else None)


def give_to_warehouse(path: Path, like: Path, mode: int) -> None:
    """Give a file of ours the owner and group of `like`, and a mode. Raises OSError, also where it is a link."""
    with _opened(path) as number:
        hand_over(number, like, mode)


def hand_over(number: int, like: Path, mode: int | None = None) -> None:
    """Give an open file the owner and group of `like`, as far as this user may, and a mode (None: it keeps its own).

    Raises OSError where a mode is given and cannot be set.
    """
    wanted, now = like.stat(), os.fstat(number)
    if stat.S_ISREG(now.st_mode) and now.st_nlink > 1:
        return
    if (now.st_uid, now.st_gid) != (wanted.st_uid, wanted.st_gid):
        try:
            os.fchown(number, wanted.st_uid, wanted.st_gid)
        except OSError:
            with suppress(OSError):
                os.fchown(number, -1, wanted.st_gid)
    if mode is not None and stat.S_IMODE(now.st_mode) != mode:
        os.fchmod(number, mode)


def hand_over_link(link: Path, like: Path) -> None:
    """Give a link itself the owner of `like`, where this user may: in a sticky folder only its owner can replace it."""
    with suppress(OSError):
        wanted = like.stat()
        os.chown(link, wanted.st_uid, wanted.st_gid, follow_symlinks=False)


def file_mode(folder: Path) -> int:
    """Return the mode of a file for all who may enter the folder, to read, or write it, to write. Raises OSError."""
    mode = _mode_of(folder)
    return (mode & _ENTER) << 2 | mode & _WRITE


def _mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        yield number
    finally:
        os.close(number)


def check_owner(folder: Path, ledger: Path) -> None:
    """Raise RunFailed, with the owner's name, where this user may not write a warehouse that is another's.

    Before anything is touched: what could be written would tell of a run that cannot be.
    """
    for path, wanted in ((folder, os.R_OK | os.W_OK | os.X_OK), (ledger, os.R_OK | os.W_OK)):
        try:
            owner = path.stat().st_uid
        except OSError:
            continue
        is_read_only = os.statvfs(path).f_flag & os.ST_RDONLY
        if owner != os.geteuid() and not os.access(path, wanted) and not is_read_only:
            raise RunFailed("the warehouse is another user's", where=f"{path}: {of_rights(path, None)}")


def notices(folder: Path) -> list[str]:
    """Say where what this user makes in a warehouse stays this user's, so that its owner could not go on."""
    owner, here = folder.stat().st_uid, os.geteuid()
    if here in (0, owner):
        return []
    name = user_name(owner)
    return [
        f"{folder} belongs to {name}, and what this run made to {user_name(here)}: run newsmart as {name}, "
        f"or have root give it all to one of them with chown -R"
    ]
