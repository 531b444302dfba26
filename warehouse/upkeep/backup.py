"""A copy of the warehouse, taken while runs go on. The way back from it is restore.py.

The ledger is the one file that cannot be made again. A backup must not make a scheduled run fail, so it takes no lock.
That is safe because of how DuckDB writes: blocks that the file's header refers to are never overwritten before a newer
header is in place, and our ledger has no `.wal` (`db.py`). So the copy is whole if the header was the same before and
after; otherwise, or when the link moved meanwhile, it is taken again. Each copied ledger is then opened and every
column of every table read, so that each block's checksum is checked. A backup between a run's record and its publish
is what a crash there would leave, which the next run heals.

Rejected: holding the lock (the run that is due then would be refused), and EXPORT (slow, and it loses comments).
"""

import hashlib
import os
import shutil
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel

from schemas.errors import LedgerDamaged, RunFailed, UsageError
from warehouse.db import ledger_connection
from warehouse.durable import fsync, open_regular, read_regular, write_atomically
from warehouse.explain import WAY_BACK
from warehouse.home import Home, is_release_id
from warehouse.ledger import packs
from warehouse.ledger.opening import FORMAT_VERSION, check_tables, check_whole, read_format, table_names
from warehouse.ledger.tombstones import is_unfinished
from warehouse.owners import PRIVATE_MODE
from warehouse.refusals import refusing
from warehouse.release import publish
from warehouse.release.freshness import WAY_OUT as TAMPERED
from warehouse.release.releases import check_copies as check_known

VERSION = 1
MANIFEST = "manifest.json"
LEDGER = "ledger.duckdb"
STATE = "state.json"
RELEASES = "releases"
RELEASE = "release.duckdb"
# DuckDB's main header and its two database headers, 4 KiB each; the newer of the two says which blocks are in use.
HEADER_BYTES = 3 * 4096
CHUNK_BYTES = 1 << 20
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
        return {id_: file.sha256 for name, file in self.files.items() if (id_ := release_of(name))}


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
            check_copied(Path(folder), made, TAMPERED, is_new=True)
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


def check_copied(folder: Path, made: Manifest, todo: str, *, is_new: bool) -> None:
    """Raise RunFailed where the copied ledger is damaged, or does not know a copied release so.

    Of a new backup also where it lacks bytes, or holds text that was taken down. A ledger of an older format gets what
    it lacks when a run opens it.
    """
    with ledger_connection(folder / LEDGER, read_only=True) as connection:
        tables = table_names(connection)
        if "meta" in tables and read_format(connection) == FORMAT_VERSION:
            check_tables(connection)
        check_whole(connection)
        if "release" in tables:
            check_known(connection, made.sha256_of_releases, todo)
        if is_new and "pack" in tables and packs.lost(connection):
            raise LedgerDamaged("kept bytes are not in the ledger", todo=WAY_BACK)
        if is_new and "meta" in tables and is_unfinished(connection):
            raise RunFailed("a takedown is not finished", todo="`newsmart run` finishes it")


def release_of(name: str) -> str | None:
    """Return the release whose file in a backup has this name, None where it is none: anyone may write a manifest."""
    release_id = name.removeprefix(f"{RELEASES}/").removesuffix(f"/{RELEASE}")
    return release_id if is_release_id(release_id) and name == f"{RELEASES}/{release_id}/{RELEASE}" else None
