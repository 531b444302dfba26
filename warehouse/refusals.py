"""What the system refused, in our words: a full disk, another's file, too many open files, no memory.

An OSError alone says "Permission denied" and leaves the reader to find out whose file it is, and what can be done
differs: space is freed, a file of another user is not. `warehouse/explain.py` does the same for DuckDB's errors; this
module imports no DuckDB, so that `status` needs none.
"""

import errno
import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from schemas.errors import RunFailed

# Refusals of the disk: by them nothing is damaged, and the next run goes on. EDQUOT and EFBIG (`ulimit -f`) are limits.
DISK = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO, errno.ESTALE})
RIGHTS = frozenset({errno.EACCES, errno.EPERM})
FILES = frozenset({errno.EMFILE, errno.ENFILE})

# How the dynamic linker says that a library has no room in memory.
_UNMAPPED = "failed to map segment"
MEND_DISK = "free space, raise the limit or mend the mount, then run again"
MEND_FILES = "raise `ulimit -n`, then run again"
MEND_MEMORY = "raise build_memory; for a question, raise query_memory or ask for less"


def refused(what: str, path: Path | str, error: OSError, kind: type[RunFailed] = RunFailed) -> RunFailed:
    """Return the error to raise where the system refused something at a path; `what` says what could not be done."""
    where = f"{path}: {error.strerror or error}"
    if error.errno in DISK:
        return kind(f"the disk refused: {what}", where=where, todo=MEND_DISK)
    if error.errno in RIGHTS:
        return kind(what, where=f"{path}: {of_rights(Path(path), error.strerror)}")
    if error.errno in FILES:
        return kind("too many files are open", where=where, todo=MEND_FILES)
    if error.errno == errno.ENOMEM:
        return kind("out of memory", where=where, todo=MEND_MEMORY)
    return kind(what, where=where)


@contextmanager
def refusing(what: str, path: Path | str, kind: type[RunFailed] = RunFailed) -> Iterator[None]:
    """Raise, for an OSError of the block, our error as `refused` makes it."""
    try:
        yield
    except OSError as error:
        raise refused(what, path, error, kind) from error


def known(error: BaseException) -> RunFailed | None:
    """Return our error for one of the system's that can come from anywhere; None where it is no such refusal."""
    if isinstance(error, MemoryError) or (isinstance(error, ImportError) and _UNMAPPED in str(error)):
        return RunFailed("out of memory", where=" ".join(str(error).split())[:300] or None, todo=MEND_MEMORY)
    if isinstance(error, OSError) and error.errno in DISK | RIGHTS | FILES | {errno.ENOMEM}:
        path = str(error.filename or error.filename2 or "a file that is not named")
        return refused("a file could not be used", path, error)
    return None


def of_rights(path: Path, reason: str | None) -> str:
    """Say whose the path is, or its nearest folder where it is not there, and what can be done."""
    place = _nearest(path)
    if place is None:
        return str(reason)
    owner = user_name(place.stat().st_uid)
    if owner == user_name(os.geteuid()):
        return f"{reason}; {'it' if place == path else place} is yours: give yourself the right with chmod"
    if place != path:
        # Never `chown -R` here: the folder may be /srv or /, and holds more than what is ours.
        return f"{place} belongs to {owner} and is closed to you; name another place, or run newsmart as {owner}"
    return f"it belongs to {owner}; run newsmart as {owner}, or have root change the owner with chown -R"


def _nearest(path: Path) -> Path | None:
    """Return the path, or the nearest folder of it that can be seen."""
    for place in (path, *path.absolute().parents):
        with suppress(OSError):
            place.stat()
            return place
    return None


def user_name(uid: int) -> str:
    """Return a user's name; in a container a user may have none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
