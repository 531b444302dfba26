"""A copy of the warehouse, taken while runs go on, and the way back from it.

The ledger is the one file that cannot be made again. A backup must not make a scheduled run fail, so it takes no lock.
That is safe because of how DuckDB writes: blocks that the file's header refers to are never overwritten before a newer
header is in place, and our ledger has no `.wal` (`db.py`). So the copy is whole if the header was the same before and
after; otherwise, or when the link moved meanwhile, it is taken again. Each copied ledger is then opened and every
column of every table read, so that each block's checksum is checked. A backup between a run's record and its publish
is what a crash there would leave, which the next run heals.

Rejected: holding the lock (the run that is due then would be refused), and EXPORT (slow, and it loses comments).

A restore believes nothing of a backup, which may come from anybody. Under the lock, so that no run publishes meanwhile,
it copies the files into a private folder in FILE.d/tmp, where nobody can swap them and `doctor --clean` finds what a
crash has left. It compares their digests with the manifest, and judges those copies: only files count, reached through
no link; the ledger holds tables only, with the columns that newsmart makes (`db.py`, `ledger/opening.py`); a release
holds no SQL but views over its own tables (`release/foreign.py`), and is the one that the ledger knows. Only then is
anything of the warehouse touched; a refused restore leaves nothing that was not there. Each file goes in place by
rename, releases first, then the ledger, then the state, then the link: readers are never without a release, and a crash
leaves a state that the next run or the same restore mends.
"""

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from schemas.errors import LedgerDamaged, NewsmartError, RunFailed, UsageError
from warehouse.db import ledger_connection, memory_connection
from warehouse.durable import fsync, open_regular, read_regular, write_atomically
from warehouse.explain import WAY_BACK
from warehouse.home import Home, is_release_id
from warehouse.ledger import packs
from warehouse.ledger.opening import FORMAT_VERSION, check_tables, check_whole, read_format, table_names
from warehouse.ledger.tombstones import is_unfinished
from warehouse.lock import hold
from warehouse.owners import PRIVATE_MODE, give_to_warehouse, make_folder
from warehouse.refusals import refusing
from warehouse.release import publish
from warehouse.release.foreign import WAY_OUT, check_no_foreign_sql
from warehouse.release.freshness import WAY_OUT as TAMPERED
from warehouse.release.releases import check_copies as check_known
from warehouse.spill import spill_folder

VERSION = 1
MANIFEST = "manifest.json"
LEDGER = "ledger.duckdb"
STATE = "state.json"
RELEASES = "releases"
RELEASE = "release.duckdb"
# DuckDB's main header and its two database headers, 4 KiB each; the newer of the two says which blocks are in use.
HEADER_BYTES = 3 * 4096
CHUNK_BYTES = 1 << 20
# 300 bytes tell of a file.
MAX_MANIFEST_BYTES = 100_000_000
PAUSE_SECONDS = 0.2


class Copied(BaseModel, strict=True, frozen=True):
    """What a manifest tells of a file."""

    sha256: str
    bytes: int


class Manifest(BaseModel, strict=True):
    """A backup's manifest.json: when it was made, the release FILE showed, and the files by their names below it."""

    version: int = VERSION
    made_at: str
    release: str | None
    files: dict[str, Copied]

    @property
    def total_bytes(self) -> int:
        """The size of all files."""
        return sum(file.bytes for file in self.files.values())

    @property
    def sha256_of_releases(self) -> dict[str, str]:
        """The digests of the releases, by their ids."""
        return {id_: file.sha256 for name, file in self.files.items() if (id_ := _release_of(name))}


def backup(home: Home, to: Path, *, wait_seconds: float = 60.0) -> Manifest:
    """Copy the warehouse into the folder `to`, which must be absent or empty; it appears whole or not at all.

    `wait_seconds` bounds how often a copy is taken anew because a run wrote meanwhile. Raises UsageError when there is
    nothing to copy or the place is taken, LedgerDamaged when the ledger is, RunFailed when it cannot be written, the
    warehouse never stood still, a release is not as it was published, or a takedown is not finished.
    """
    home.check()
    if not home.ledger.is_file():
        raise UsageError("there is no warehouse to back up", where=str(home.file), todo="run `newsmart run` first")
    target = Path(os.path.abspath(to))
    home.check_outside(target)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError("the backup's folder is not empty", where=str(target), todo="name a new folder")
    with refusing("cannot write the backup", target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{target.name}.", suffix=".tmp", dir=target.parent, ignore_cleanup_errors=True
        ) as folder:
            made = _copy_unchanged(home, Path(folder), time.monotonic() + wait_seconds)
            _check_copies(Path(folder), made, TAMPERED, is_new=True)
            write_atomically(Path(folder) / MANIFEST, (made.model_dump_json(indent=2) + "\n").encode())
            Path(folder).rename(target)
            fsync(target.parent)
    return made


def _copy_unchanged(home: Home, folder: Path, deadline: float) -> Manifest:
    """Copy until nothing changed from before the first file to after the last."""
    while True:
        before = _mark(home)
        made = _copy_once(home, folder)
        if made is not None and before is not None and _mark(home) == before:
            return made
        if time.monotonic() >= deadline:
            todo = "try again between runs, or raise --wait"
            raise RunFailed("the warehouse changed while it was copied, each time", where=str(home.file), todo=todo)
        time.sleep(PAUSE_SECONDS)


def _mark(home: Home) -> tuple[bytes, str | None, bytes | None] | None:
    """Return what tells whether the warehouse has changed: the ledger's header, the link, the state.

    None while the ledger has a `.wal`: then its file alone is not all of it.
    """
    if os.path.lexists(home.ledger.with_name(home.ledger.name + ".wal")):
        return None
    header = read_regular(home.folder, home.ledger.name, HEADER_BYTES)
    return header, home.linked_release(), read_regular(home.folder, home.state.name) if home.state.is_file() else None


def _copy_once(home: Home, folder: Path) -> Manifest | None:
    """Copy every file; None where one went away meanwhile."""
    release = publish.current(home)
    wanted = {
        f"{RELEASES}/{name}/{RELEASE}": f"{home.releases.name}/{name}/{home.file.name}"
        for name in publish.release_ids(home)
    }
    wanted |= {LEDGER: home.ledger.name, **({STATE: home.state.name} if home.state.is_file() else {})}
    shutil.rmtree(folder / RELEASES, ignore_errors=True)
    try:
        files = {
            name: copy(open_regular(home.folder, source), folder / name) for name, source in sorted(wanted.items())
        }
    except FileNotFoundError:
        return None
    return Manifest(made_at=datetime.now(UTC).isoformat(timespec="seconds"), release=release, files=files)


def copy(reading: int, target: Path) -> Copied:
    """Copy a file that is open to the disk, and close it; return the SHA-256 and number of its bytes.

    The digest is that of the bytes read, so that a later check finds a copy that the disk has garbled. Raises OSError.
    """
    digest = hashlib.sha256()
    # The umask takes its share of the mode.
    mode = {LEDGER: PRIVATE_MODE, STATE: 0o666}.get(target.name, publish.SEALED_MODE)
    with open(reading, "rb") as reader:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        writing = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with open(writing, "wb") as writer:
            while chunk := reader.read(CHUNK_BYTES):
                digest.update(chunk)
                writer.write(chunk)
            writer.flush()
            os.fsync(writer.fileno())
            return Copied(sha256=digest.hexdigest(), bytes=writer.tell())


def _check_copies(folder: Path, made: Manifest, todo: str, *, is_new: bool) -> None:
    """Raise RunFailed where the copied ledger is damaged, or does not know a copied release so.

    Of a new backup also where it lacks bytes, or holds text that was taken down. A ledger of an older format gets what
    it lacks when a run opens it.
    """
    with ledger_connection(folder / LEDGER, read_only=True) as connection:
        tables = table_names(connection)
        if "meta" in tables and read_format(connection) == FORMAT_VERSION:
            with memory_connection() as scratch:
                check_tables(connection, scratch)
        check_whole(connection)
        if "release" in tables:
            check_known(connection, made.sha256_of_releases, todo)
        if is_new and "pack" in tables and packs.lost(connection):
            raise LedgerDamaged("kept bytes are not in the ledger", todo=WAY_BACK)
        if is_new and "meta" in tables and is_unfinished(connection):
            raise RunFailed("a takedown is not finished", todo="`newsmart run` finishes it")


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
    wrong = [name for name in made.files if name not in (LEDGER, STATE) and _release_of(name) is None]
    if wrong:
        raise _damaged(path, f"no backup holds {ascii(wrong[0])[:100]}")
    if LEDGER not in made.files or (made.release and made.release not in made.sha256_of_releases):
        raise _damaged(path, "it lacks the ledger or the release")
    return made


def _release_of(name: str) -> str | None:
    """Return the release whose file in a backup has this name, None where it is none: anyone may write a manifest."""
    release_id = name.removeprefix(f"{RELEASES}/").removesuffix(f"/{RELEASE}")
    return release_id if is_release_id(release_id) and name == f"{RELEASES}/{release_id}/{RELEASE}" else None


def restore(source: Path, home: Home, *, force: bool = False) -> Manifest:
    """Put a backup in the warehouse's place; return what was restored.

    Everything is verified first. Raises UsageError when the folder is no backup, or when a warehouse is there and
    `force` is not given, RunFailed when the backup is damaged or the place cannot be written, LockedError while a run
    holds the warehouse.
    """
    made = _read_manifest(source)
    home.check()
    _check_free(home, force=force)
    with _held_place(home):
        publish.check_no_stray_wal(home)
        _check_free(home, force=force)  # a run may have begun one since
        with refusing("cannot restore", home.file), spill_folder(home.temp) as staging:
            _stage(made, source, staging)
            _put_in_place(made, staging, home)
    return made


@contextmanager
def _held_place(home: Home) -> Iterator[None]:
    """Hold the warehouse's place for the block; after an error, remove the lock and the empty folders made for it."""
    new = [path for path in (home.releases, home.temp, home.folder, *home.folder.parents) if not path.exists()]
    home.prepare()
    with hold(home):
        try:
            yield
        except BaseException:
            if home.folder in new:
                home.lock.unlink(missing_ok=True)
            for folder in new:
                with suppress(OSError):  # what holds something stays
                    folder.rmdir()
            raise


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
        _check_copies(staging, made, WAY_OUT, is_new=False)
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
