"""Puts a backup in the warehouse's place.

A backup may come from anybody, so nothing of it is believed. Under the lock, so that no run publishes meanwhile, its
files are copied into a private folder in FILE.d/tmp, where nobody can swap them and `doctor --clean` finds what a crash
has left. Their digests are compared with the manifest, and those copies are judged: only files count, reached through
no link; the ledger holds tables only, with the columns that newsmart makes (`db.py`, `ledger/opening.py`); a release
holds no SQL but views over its own tables (`release/foreign.py`), and is the one that the ledger knows. Only then is
anything of the warehouse touched. Each file goes in place by rename, releases first, then the ledger, then the state,
then the link: readers are never without a release, and a crash leaves a state that the next run or the same restore
mends.
"""

import os
from pathlib import Path

from pydantic import ValidationError

from schemas.errors import NewsmartError, RunFailed, UsageError
from warehouse.durable import fsync, open_regular, read_regular, write_atomically
from warehouse.home import Home
from warehouse.lock import hold
from warehouse.owners import PRIVATE_MODE, give_to_warehouse, make_folder
from warehouse.refusals import refusing
from warehouse.release import publish
from warehouse.release.foreign import WAY_OUT, check_no_foreign_sql
from warehouse.spill import spill_folder
from warehouse.upkeep.backup import (
    LEDGER,
    MANIFEST,
    RELEASE,
    RELEASES,
    STATE,
    VERSION,
    Manifest,
    check_copied,
    copy,
    release_of,
)

# 300 bytes tell of a file.
MAX_MANIFEST_BYTES = 100_000_000


def restore(source: Path, home: Home, *, force: bool = False) -> Manifest:
    """Put a backup in the warehouse's place; return what was restored.

    Everything is verified first. Raises UsageError when the folder is no backup, or when a warehouse is there and
    `force` is not given, RunFailed when the backup is damaged or the place cannot be written, LockedError while a run
    holds the warehouse.
    """
    made = _read_manifest(source)
    home.check()
    _check_free(home, force=force)
    home.prepare()
    with hold(home):
        publish.check_no_stray_wal(home)
        _check_free(home, force=force)  # a run may have begun one since
        with refusing("cannot restore", home.file), spill_folder(home.temp) as staging:
            _stage(made, source, staging)
            _put_in_place(made, staging, home)
    return made


def _check_free(home: Home, *, force: bool) -> None:
    if not force and (os.path.lexists(home.file) or home.ledger.exists() or publish.release_ids(home)):
        raise UsageError("there is a warehouse already", where=str(home.file), todo="--force replaces it")


def _stage(made: Manifest, source: Path, staging: Path) -> None:
    """Copy the backup's files into a private folder. Raises RunFailed where a copy is not as it has to be."""
    for name, recorded in made.files.items():
        try:
            reading = open_regular(source, name)
        except OSError as error:
            raise _damaged(source / name, error.strerror) from error
        if copy(reading, staging / name) != recorded:
            raise _damaged(source / name, "its bytes are not those that were copied")
    try:
        for release_id in made.sha256_of_releases:
            check_no_foreign_sql(staging / RELEASES / release_id / RELEASE)
        check_copied(staging, made, WAY_OUT, is_new=False)
    except NewsmartError as error:  # the folder will be gone
        where = error.where and error.where.replace(str(staging), str(source))
        raise type(error)(error.what, where=where, todo=error.todo, detail=error.detail) from error


def _put_in_place(made: Manifest, staging: Path, home: Home) -> None:
    for release_id in made.sha256_of_releases:
        target = home.release_file(release_id)
        if target.parent.is_symlink():
            target.parent.unlink()
        make_folder(target.parent, like_parent=True)
        # By rename, for readers of the same release that may be there.
        _replace(staging / RELEASES / release_id / RELEASE, target, publish.sealed_mode(home))
    _replace(staging / LEDGER, home.ledger, PRIVATE_MODE)
    if STATE in made.files:
        write_atomically(home.state, (staging / STATE).read_bytes())
    else:
        home.state.unlink(missing_ok=True)
    if made.release is not None:
        publish.flip(home, made.release)
    elif os.path.lexists(home.file):
        home.file.unlink()
    publish.prune(home, made.sha256_of_releases)
    publish.clean(home)


def _replace(source: Path, target: Path, mode: int) -> None:
    give_to_warehouse(source, target.parent, mode)
    target.with_name(target.name + ".wal").unlink(missing_ok=True)
    os.replace(source, target)
    fsync(target.parent)


def _damaged(path: Path, why: str | None) -> RunFailed:
    return RunFailed("the backup is damaged", where=f"{path}: {why}")


def _read_manifest(folder: Path) -> Manifest:
    path = folder / MANIFEST
    try:
        made = Manifest.model_validate_json(read_regular(folder, MANIFEST, MAX_MANIFEST_BYTES))
    except OSError as error:
        raise UsageError("not a backup", where=f"{path}: {error.strerror}") from error
    except ValidationError as error:
        raise _damaged(path, "it is not the manifest of a backup") from error
    if made.version > VERSION:
        raise RunFailed("the backup is of a newer newsmart", where=str(folder), todo="upgrade newsmart")
    wrong = [name for name in made.files if name not in (LEDGER, STATE) and release_of(name) is None]
    if wrong:
        raise _damaged(path, f"no backup holds {ascii(wrong[0])[:100]}")
    if LEDGER not in made.files or (made.release and made.release not in made.sha256_of_releases):
        raise _damaged(path, "it lacks the ledger or the release")
    return made
