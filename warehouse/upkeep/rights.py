"""Who may read and write what of a warehouse: files that its owner, or its readers, were locked out of.

FILE.d's owner is the warehouse's. A root shell, a container with another user or a umask leaves files that this owner
cannot use; the next run of the service then fails, so doctor names them before.
"""

import os
import pwd
import stat
from collections.abc import Iterator
from pathlib import Path

from warehouse.home import Home
from warehouse.owners import file_mode
from warehouse.refusals import user_name

_READ, _WRITE, _ENTER = 4, 2, 1
MOST_TOLD = 3


def closed_to_owner(home: Home) -> list[str]:
    """Return the paths in FILE.d, relative to it, that the warehouse's owner cannot use as a run must."""
    try:
        owner = home.folder.stat().st_uid
    except OSError:
        return []
    if owner == 0:
        return []
    groups = groups_of(owner)
    return [str(path.relative_to(home.folder)) for path in _below(home.folder) if not _is_usable(path, owner, groups)]


def closed_to_readers(home: Home) -> list[str]:
    """Return the paths that are closed to those who may enter FILE.d: releases, their folders, state.json."""
    try:
        wanted = file_mode(home.folder) & 0o444
        files = [home.state, *home.releases.glob(f"*/{home.file.name}")]
        closed = [path for path in files if path.is_file() and path.stat().st_mode & wanted != wanted]
        folders = [path for path in (home.releases, *home.releases.glob("*/")) if path.is_dir()]
        closed += [path for path in folders if path.stat().st_mode & (wanted >> 2) != wanted >> 2]
        return [str(path.relative_to(home.folder)) for path in closed]
    except OSError:
        return []


def first_few(paths: list[str]) -> str:
    """Return the first paths, and how many more there are."""
    more = len(paths) - MOST_TOLD
    return ", ".join(paths[:MOST_TOLD]) + (f" and {more:,} more" if more > 0 else "")


def owner_and_group(folder: Path) -> str:
    """Return USER:GROUP of a folder, as chown takes it."""
    status = folder.stat()
    return f"{user_name(status.st_uid).removeprefix('user ')}:{status.st_gid}"


def groups_of(uid: int) -> frozenset[int]:
    """Return the groups of a user; none where the system does not know the user, as in a container."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return frozenset()
    return frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))


def _below(folder: Path) -> Iterator[Path]:
    """Yield what lies in FILE.d, but for what lies in spill folders, which last as long as their process."""
    for root, folders, files in os.walk(folder):
        here = Path(root)
        folders[:] = [name for name in folders if here != folder / "tmp"]
        yield from (here / name for name in (*folders, *files))


def _is_usable(path: Path, owner: int, groups: frozenset[int]) -> bool:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return True
    shift = 6 if status.st_uid == owner else 3 if status.st_gid in groups else 0
    rights = status.st_mode >> shift & 7
    # Releases and state.json are replaced, never written; the ledger and locks are.
    is_ledger = path.suffix == ".duckdb" and "releases" not in path.parts
    is_written = is_ledger or path.name in ("lock", "serve.lock")
    wanted = _READ | _WRITE | _ENTER if path.is_dir() else _READ | _WRITE if is_written else _READ
    return rights & wanted == wanted
