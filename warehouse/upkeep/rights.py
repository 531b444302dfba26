"""Who may read and write what of a warehouse, and who reads it now.

FILE.d's owner is the warehouse's. A root shell, a container with another user or a umask leaves files that this owner
cannot use; the next run of the service then fails, so doctor names them before.

Who reads which release comes from /proc, as DuckDB keeps the file open as long as a connection lives; where there is no
/proc the answer is "not known here", not "nobody".
"""

import os
import pwd
import re
import stat
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby
from pathlib import Path
from typing import Literal, NamedTuple

from warehouse.home import STAGING_SUFFIX, Home
from warehouse.owners import file_mode
from warehouse.refusals import user_name
from warehouse.release import publish

Status = Literal["ok", "warn", "bad"]
Found = Iterator[tuple[Status, str]]

MOST_TOLD = 3
PROC = Path("/proc")
_READ, _WRITE, _ALL = 4, 2, 7
_WRITERS = {stat.S_IWGRP: "its group", stat.S_IWOTH: "everybody"}


def check_folders(home: Home) -> Found:
    """Warn of folders in which others can put what a run would trust: whoever can write there can replace a file."""
    for folder in (home.file.parent, home.folder, home.releases, home.temp, home.prefect):
        with suppress(OSError):  # not there, or gone meanwhile
            if why := _open_to_others(folder.stat()):
                yield "warn", f"{folder}: {why}"


def _open_to_others(status: os.stat_result) -> str | None:
    """Return why others can replace what lies in a folder, or None. In a sticky one they can add to it only."""
    if status.st_uid not in (0, os.geteuid()):
        return f"it belongs to user {status.st_uid}, who can replace what lies in it"
    writers = [name for bit, name in _WRITERS.items() if status.st_mode & bit]
    if not writers or status.st_mode & stat.S_ISVTX:
        return None
    return f"{' and '.join(writers)} can replace what lies in it; chmod go-w, if that is not meant"


def check_rights(home: Home) -> Found:
    """Name the files that the warehouse's owner cannot use as a run must, and those that its readers cannot read."""
    try:
        folder, wanted = home.folder.stat(), file_mode(home.folder) & 0o444
    except OSError:  # not there, or gone meanwhile
        return
    owner, groups = folder.st_uid, _groups_of(folder.st_uid)
    paths = {path: status for path, status in _below(home.folder) if not stat.S_ISLNK(status.st_mode)}
    usable = [path for path, status in paths.items() if owner == 0 or _is_usable(path, status, owner, groups)]
    if closed := sorted(paths.keys() - usable):
        whose = f"{user_name(owner).removeprefix('user ')}:{folder.st_gid}"
        todo = f"as root: chown -R {whose} {home.folder}"
        yield "bad", f"closed to the warehouse's owner: {first_few(closed)}; {todo}"
    read = [path for path in paths if path == home.state or path.is_relative_to(home.releases)]
    if closed := [path for path in read if not _is_open(paths[path], wanted)]:
        yield "warn", f"closed to readers: {first_few(closed)}; chmod them like {home.folder}"


def first_few(paths: list[Path]) -> str:
    """Return the first paths, and how many more there are."""
    more = len(paths) - MOST_TOLD
    return ", ".join(map(str, paths[:MOST_TOLD])) + (f" and {more:,} more" if more > 0 else "")


def _below(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """Yield what lies in FILE.d, but for what lies in spill folders, which last as long as their process."""
    for root, folders, files in os.walk(folder):
        here = Path(root)
        folders[:] = [name for name in folders if here != folder / "tmp"]
        for name in (*folders, *files):
            with suppress(OSError):  # gone meanwhile
                yield here / name, (here / name).lstat()


def _groups_of(uid: int) -> frozenset[int]:
    """Return the groups of a user; none where the system does not know the user, as in a container."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return frozenset()
    return frozenset(os.getgrouplist(entry.pw_name, entry.pw_gid))


def _is_usable(path: Path, status: os.stat_result, owner: int, groups: frozenset[int]) -> bool:
    """Return whether FILE.d's owner, who is in these groups, can use a path."""
    shift = 6 if status.st_uid == owner else 3 if status.st_gid in groups else 0
    # Releases and state.json are replaced, never written; the ledger and locks are.
    is_ledger = path.suffix == ".duckdb" and "releases" not in path.parts
    is_written = is_ledger or path.name in ("lock", "serve.lock")
    wanted = _ALL if stat.S_ISDIR(status.st_mode) else _READ | _WRITE if is_written else _READ
    return status.st_mode >> shift & wanted == wanted


def _is_open(status: os.stat_result, wanted: int) -> bool:
    """Return whether all who may enter FILE.d may read a file, or enter a folder."""
    wanted = wanted >> 2 if stat.S_ISDIR(status.st_mode) else wanted
    return status.st_mode & wanted == wanted


class Reader(NamedTuple):
    """A process that has a file of a release open."""

    release: str
    pid: int
    command: str


def check_readers(home: Home) -> Found:
    """Say which processes read which release; one that reads an old release keeps its disk space from being freed."""
    if not PROC.is_dir():
        yield "ok", "not known here: this system has no /proc"
        return
    found = readers(home)
    if not found:
        yield "ok", "no process that can be seen from here"
    for release, those in groupby(found, key=lambda reader: reader.release):
        is_old = release != publish.current(home)
        pids = ", ".join(f"{reader.pid} ({reader.command})" for reader in those)
        yield "warn" if is_old else "ok", f"{release}{', old' if is_old else ''}: {pids}"


def readers(home: Home) -> list[Reader]:
    """Return the processes that have a release open, sorted; those of other users are seen by root only."""
    place = re.compile(re.escape(f"{home.releases.resolve()}/") + r"([^/]+)/")
    found = set()
    for file in PROC.glob("[0-9]*/fd/*"):
        with suppress(OSError):  # a process may end meanwhile, or be another user's
            process = file.parent.parent
            if (match := place.match(os.readlink(file))) and int(process.name) != os.getpid():
                command = (process / "comm").read_text(encoding="utf-8", errors="replace").strip()
                found.add(Reader(match[1].removesuffix(STAGING_SUFFIX), int(process.name), command))
    return sorted(found)
