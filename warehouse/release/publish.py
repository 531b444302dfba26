"""Putting a release in place, and taking one back: everything that moves the link.

A release is built in a staging folder beside its place, sealed, renamed into place, and only then does FILE point at
it, by one rename. At every moment FILE names a whole release or nothing, so a crash anywhere leaves readers where they
were; what it leaves behind is cleaned by the next run, under the lock. All functions that write expect the caller to
hold the lock.

Rejected: copying over FILE (readers see half of it), and unlinking before linking (a moment without a warehouse).
"""

import os
import shutil
import stat
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import PublishFailed, UsageError
from schemas.limits import file_state
from warehouse.durable import fsync, sha256_of
from warehouse.home import STAGING_SUFFIX, Home
from warehouse.owners import file_mode, give_to_warehouse, hand_over_link
from warehouse.refusals import refusing
from warehouse.spill import dead_spill_folders

# A release is read by all who may look into FILE.d, and written by nobody.
SEALED_MODE = 0o444


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells whether a file is still the one that was published. Sizes in bytes, times in nanoseconds."""

    sha256: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int


def current(home: Home) -> str | None:
    """Return the id of the release that FILE shows, or None where there is none, or its file is gone."""
    release_id = home.linked_release()
    return release_id if release_id is not None and _is_file(home.release_file(release_id)) else None


def _is_file(path: Path) -> bool:
    """Return whether a release's file is there, neither it nor its folder being a link."""
    try:
        return stat.S_ISREG(path.lstat().st_mode) and not path.parent.is_symlink()
    except OSError:
        return False


def release_ids(home: Home) -> list[str]:
    """Return the ids of the releases that lie in the warehouse, sorted as text."""
    names = [folder.name for folder in home.releases.glob("*") if not folder.name.endswith(STAGING_SUFFIX)]
    return sorted(name for name in names if _is_file(home.releases / name / home.file.name))


def stage(home: Home, release_id: str) -> Path:
    """Make an empty staging folder and return the path at which the release's file is to be built.

    Raises PublishFailed where the folder cannot be made or the release exists already.
    """
    folder = home.staging_folder(release_id)
    with refusing("cannot make the release's folder", folder, PublishFailed):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
    if home.release_folder(release_id).exists():
        raise PublishFailed("a release with this id exists already", where=str(home.release_folder(release_id)))
    return home.staging_file(release_id)


def unstage(home: Home, release_id: str) -> None:
    """Remove a release that was built and will not be published."""
    shutil.rmtree(home.staging_folder(release_id), ignore_errors=True)


def publish(home: Home, release_id: str) -> Fingerprint:
    """Seal the staged release, move it into place and let FILE point at it.

    Out: the fingerprint of the published file. Raises UsageError when FILE is not ours, PublishFailed where anything
    is in the way; the release that was current then still is.
    """
    home.check()
    check_no_stray_wal(home)
    seal(home, release_id)
    folder = home.release_folder(release_id)
    with refusing("cannot move the release into place", folder, PublishFailed):
        home.staging_folder(release_id).rename(folder)
        fsync(home.releases)
    flip(home, release_id)
    return fingerprint_file(home.release_file(release_id))


def sealed_mode(home: Home) -> int:
    """Return the mode of a release's file. Raises OSError."""
    return SEALED_MODE & file_mode(home.folder)


def seal(home: Home, release_id: str) -> None:
    """Make the staged file whole and read-only on the disk. Raises PublishFailed when it is absent or has a `.wal`."""
    file = home.staging_file(release_id)
    extra = sorted(path.name for path in file.parent.glob("*") if path != file)
    if extra:
        raise PublishFailed("the release is not closed", where=str(file.parent / extra[0]))
    with refusing("cannot seal the release", file, PublishFailed):
        give_to_warehouse(file, home.releases, sealed_mode(home))
        give_to_warehouse(file.parent, home.releases, stat.S_IMODE(home.releases.stat().st_mode))
        fsync(file)
        fsync(file.parent)


def check_no_stray_wal(home: Home) -> None:
    """Raise PublishFailed while `FILE.wal` lies beside the link: DuckDB would replay it into the next release."""
    if os.path.lexists(home.stray_wal):
        raise PublishFailed(
            "a program has opened the warehouse for writing and left its log",
            where=str(home.stray_wal),
            todo="close that program and remove the file; its changes were never part of the warehouse",
        )


def flip(home: Home, release_id: str) -> None:
    """Let FILE point at a release that lies in the warehouse, atomically.

    Raises UsageError when there is no such release or FILE is not ours, PublishFailed when the link cannot be set.
    """
    home.check()
    check_no_stray_wal(home)
    file = home.release_file(release_id)
    if not _is_file(file):
        raise UsageError("there is no such release", where=release_id, todo="see `newsmart releases`")
    if os.path.lexists(_log_of(file)):
        raise PublishFailed("a program has written to this release", where=str(_log_of(file)))
    new_link = _temporary_link(home)
    with refusing("cannot set the warehouse's link", home.file, PublishFailed):
        new_link.unlink(missing_ok=True)
        new_link.symlink_to(home.link_target(release_id))
        hand_over_link(new_link, home.folder)
        os.replace(new_link, home.file)
        fsync(home.file.parent)


def _log_of(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def prune(home: Home, keep: Collection[str]) -> list[str]:
    """Remove the releases whose ids are not in `keep`, never the current one; return the ids of those removed.

    A reader that has an old release open keeps reading it: the name goes, its file stays until it is closed. A folder
    that cannot be removed is left for the next time.
    """
    kept = {*keep, home.linked_release()}
    gone = [release_id for release_id in release_ids(home) if release_id not in kept]
    for release_id in gone:
        _remove(home.release_folder(release_id))
    return gone


def _remove(folder: Path) -> None:
    """Remove a release's folder, renamed first, so that a crash in between leaves no release with half its files."""
    doomed = folder.with_name(folder.name + STAGING_SUFFIX)
    with suppress(OSError):
        shutil.rmtree(doomed, ignore_errors=True)
        folder.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def set_ledger_aside(home: Home, why: str) -> Path:
    """Rename the ledger, and a log that may lie beside it, so that a new one can take its place; return where it is.

    Raises RunFailed where that cannot be done.
    """
    aside = home.ledger.with_name(f"{home.ledger.stem}.{why}{home.ledger.suffix}")
    with refusing("cannot set the ledger aside", home.ledger):
        if os.path.lexists(_log_of(home.ledger)):
            os.replace(_log_of(home.ledger), _log_of(aside))
        os.replace(home.ledger, aside)
        fsync(home.folder)
    return aside


def _temporary_link(home: Home) -> Path:
    return home.file.with_name(f".{home.file.name}.link.tmp")


def leftovers(home: Home) -> list[Path]:
    """Return what crashed runs have left: staging folders, empty folders, half-made links, spill folders."""
    found = {
        *home.folder.glob("*.tmp"),
        *home.releases.glob("*" + STAGING_SUFFIX),
        *(path for path in home.releases.glob("*/*.tmp") if not path.parent.name.endswith(STAGING_SUFFIX)),
        *(folder for folder in home.releases.glob("*") if folder.is_dir() and next(folder.glob("*"), None) is None),
    }
    link = _temporary_link(home)
    return sorted(found) + ([link] if os.path.lexists(link) else []) + dead_spill_folders(home.temp)


def clean(home: Home) -> list[Path]:
    """Remove what `leftovers` finds; return what was removed. Only under the lock: a run's own staging looks the same.

    What cannot be removed is left, for it harms nothing.
    """
    removed = []
    for path in leftovers(home):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            with suppress(OSError):
                path.unlink()
        removed += [] if os.path.lexists(path) else [path]
    return removed


def fingerprint_file(path: Path) -> Fingerprint:
    """Return the file's fingerprint; reads all of it. Raises OSError."""
    state = file_state(path.stat())
    return Fingerprint(sha256_of(path), *state)


def is_untouched(path: Path, recorded: Fingerprint) -> bool:
    """Return whether the file is still the one recorded.

    Equal size, times and inode are trusted: nobody, not even root, sets a ctime through the file system. Where one
    differs (a restored copy, a chmod), the bytes are read and decide. An absent file is not untouched, nor is a link,
    nor one with a `.wal` beside it, which DuckDB would replay for every reader.
    """
    try:
        if os.path.lexists(_log_of(path)) or not _is_file(path):
            return False
        state = file_state(path.stat())
        if state == (recorded.size, recorded.mtime_ns, recorded.ctime_ns, recorded.inode):
            return True
        return state[0] == recorded.size and sha256_of(path) == recorded.sha256
    except OSError:
        return False
