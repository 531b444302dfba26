"""Looking a warehouse over: what is wrong, what is only worth knowing, and what may be swept away.

It must answer when everything else fails, so each check stands alone, opens no database and takes no lock that a run
would have to wait for. Who reads which release comes from /proc, as DuckDB keeps the file open as long as a connection
lives; where there is no /proc the answer is "not known here", not "nobody".
"""

import importlib.metadata
import os
import re
import shutil
import stat
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from schemas.errors import NewsmartError
from warehouse.clock import utc_now
from warehouse.home import STAGING_SUFFIX, Home
from warehouse.ledger.packs import LOST
from warehouse.lock import hold, probe
from warehouse.release import differing, publish
from warehouse.release.publish import Fingerprint
from warehouse.release.told import (
    BEHIND,
    CATCHING_UP,
    LEAST_AHEAD_SECONDS,
    PINNED,
    is_told_behind,
    pin_of,
    shown_record,
)
from warehouse.state import State, read_state
from warehouse.upkeep import rights
from warehouse.upkeep.moved import displaced, is_copied

Status = Literal["ok", "warn", "bad"]

# Package: (from this version on, below this one). Outside them nothing is known to break, but nothing was tried.
KNOWN_TO_WORK: Mapping[str, tuple[str, str]] = {
    "duckdb": ("2.0.0", "2.1"),
    "prefect": ("3.8.8", "3.9"),
    "fastapi": ("0.150", "0.151"),
    "sqlalchemy": ("2.0", "2.1"),
    "pyarrow": ("20", "27"),
    "pydantic": ("2.14", "3"),
    "pyyaml": ("6.0.3", "7"),
    "ada-url": ("4", "5"),
    "publicsuffixlist": ("1.0", "2"),
}
# A run needs room for a new ledger's tail, the new release and what DuckDB spills, for each byte that is there now.
ROOM_FACTOR = 3
LEAST_FREE_BYTES = 500_000_000
PROC = Path("/proc")
WRITERS = {stat.S_IWGRP: "its group", stat.S_IWOTH: "everybody"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. `bad` needs a hand, `warn` may, `ok` is for the record."""

    name: str
    status: Status
    text: str


@dataclass(frozen=True, slots=True)
class Reader:
    """A process that has a file of a release open, and that release's id."""

    pid: int
    command: str
    release: str


def examine(home: Home, recorded: Mapping[str, Fingerprint] | None = None) -> list[Finding]:
    """Return what was found, in a fixed order.

    `recorded` are the fingerprints by release id, as they were published; where given, each release's file is compared
    (all of it is read where its times differ). Writes nothing, takes no lock, raises nothing but errors of programming.
    """
    checks: list[Callable[[], list[Finding]]] = [
        lambda: check_link(home),
        lambda: check_folders(home),
        lambda: check_lock(home),
        lambda: check_stray_wal(home),
        lambda: check_ledger(home),
        lambda: check_rights(home),
        lambda: check_takedown(home),
        lambda: check_bytes(home),
        lambda: check_standing(home),
        lambda: check_clock(home),
        lambda: check_differing(home),
        lambda: check_releases(home, recorded),
        lambda: check_readers(home),
        lambda: check_leftovers(home),
        lambda: check_room(home),
        check_tools,
    ]
    return [finding for check in checks for finding in check()]


def clean(home: Home) -> list[Path]:
    """Remove what crashed runs have left, under the lock; return what was removed.

    Raises LockedError while a run is going.
    """
    if not home.folder.is_dir():
        return []
    with hold(home):
        return publish.clean(home)


def check_link(home: Home) -> list[Finding]:
    """Say what FILE is."""
    found = [Finding("file", "bad", text) for text in displaced(home)]
    if found:
        return found
    try:
        home.check()
    except NewsmartError as error:
        return [Finding("file", "bad", str(error))]
    release = home.linked_release()
    if release is None:
        return [Finding("file", "warn", f"{home.file}: no release yet")]
    if publish.current(home) is None:
        return [
            Finding("file", "bad", f"{home.file} shows release {release}, whose file is gone; a run makes a new one")
        ]
    return [Finding("file", "ok", f"{home.file} shows release {release}")]


def check_folders(home: Home) -> list[Finding]:
    """Warn of folders in which others can put what a run would trust: whoever can write there can replace a file."""
    folders = (home.file.parent, home.folder, home.releases, home.temp, home.prefect)
    return [Finding("folders", "warn", f"{folder}: {why}") for folder in folders if (why := _open_to_others(folder))]


def _open_to_others(folder: Path) -> str | None:
    """Return why others can replace what lies in a folder, or None. In a sticky one they can add to it only."""
    try:
        status = folder.stat()
    except OSError:
        return None
    if status.st_uid not in (0, os.geteuid()):
        return f"it belongs to user {status.st_uid}, who can replace what lies in it"
    writers = [name for bit, name in WRITERS.items() if status.st_mode & bit]
    if not writers or status.st_mode & stat.S_ISVTX:
        return None
    return f"{' and '.join(writers)} can replace what lies in it; chmod go-w, if that is not meant"


def check_lock(home: Home) -> list[Finding]:
    """Say who holds the warehouse."""
    holder = probe(home)
    if holder is None:
        return [Finding("lock", "ok", "no run is going")]
    return [Finding("lock", "ok", f"a run is going: {holder}" + (f", {holder.command}" if holder.command else ""))]


def check_stray_wal(home: Home) -> list[Finding]:
    """Say whether a log lies beside FILE; it keeps the next release from being published."""
    try:
        publish.check_no_stray_wal(home)
    except NewsmartError as error:
        return [Finding("log", "bad", str(error))]
    return []


def check_ledger(home: Home) -> list[Finding]:
    """Say whether the ledger is there and private. Its content is for a run, or `newsmart verify`, to judge."""
    try:
        status = home.ledger.stat()
    except FileNotFoundError:
        is_missing = bool(publish.release_ids(home))
        return [Finding("ledger", "bad" if is_missing else "ok", f"{home.ledger}: there is none")]
    except OSError as error:
        return [Finding("ledger", "bad", f"{home.ledger}: {error.strerror}")]
    if status.st_mode & 0o077:
        return [Finding("ledger", "warn", f"{home.ledger}: others may read it; chmod 600")]
    return [Finding("ledger", "ok", f"{home.ledger}: {status.st_size:,} bytes")]


def check_rights(home: Home) -> list[Finding]:
    """Name the files that the warehouse's owner cannot use, and those that its readers cannot read."""
    found = []
    if closed := rights.closed_to_owner(home):
        whose = rights.owner_and_group(home.folder)
        text = f"closed to the warehouse's owner: {rights.told(closed)}; as root: chown -R {whose} {home.folder}"
        found.append(Finding("rights", "bad", text))
    if closed := rights.closed_to_readers(home):
        text = f"closed to readers: {rights.told(closed)}; chmod them like {home.folder}"
        found.append(Finding("rights", "warn", text))
    return found


def check_takedown(home: Home) -> list[Finding]:
    """Say whether a takedown was cut off; while one is going it looks the same, so then nothing is said."""
    try:
        began_at = (read_state(home) or State()).get("takedown")
    except NewsmartError as error:
        return [Finding("state", "warn", str(error))]
    if not began_at or probe(home) is not None:
        return []
    text = f"that of {began_at} was cut off; give `newsmart purge` again, or run: older releases may still show it"
    return [Finding("takedown", "bad", text)]


def check_bytes(home: Home) -> list[Finding]:
    """Say whether the last run missed kept bytes in the ledger."""
    try:
        run = (read_state(home) or State()).get("run", {})
    except NewsmartError:
        return []
    return [Finding("bytes", "bad", str(text)) for text in run.get("notices", []) if str(text).startswith(LOST)]


def check_standing(home: Home) -> list[Finding]:
    """Say whether readers are shown something older than the ledger has, and whether a rollback wants it so."""
    try:
        state = read_state(home) or State()
    except NewsmartError:
        return []
    if pin_of(home, state) is not None:
        return [Finding("standing", "warn", PINNED)]
    if is_told_behind(state, shown_record(home, state)):
        held = state.get("run", {}).get("status")
        return [Finding("standing", "warn", f"{BEHIND} (the last run: {held})")]
    return []


def check_differing(home: Home) -> list[Finding]:
    """Say whether a whole build was other than the releases that were made one from the other."""
    text = differing.told(home)
    return [] if text is None else [Finding("releases", "bad", text)]


def check_clock(home: Home) -> list[Finding]:
    """Say whether the last run's as-of lies ahead of the clock: it was wrong then, or is now."""
    try:
        as_of = (read_state(home) or State()).get("run", {}).get("as_of")
    except NewsmartError:
        return []
    if as_of is None or (_moment(as_of) - utc_now()).total_seconds() < LEAST_AHEAD_SECONDS:
        return []
    return [Finding("clock", "warn", f"the last as-of, {as_of}, lies ahead of it; {CATCHING_UP}")]


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def check_releases(home: Home, recorded: Mapping[str, Fingerprint] | None) -> list[Finding]:
    """Compare each release's file with what was recorded when it was published."""
    ids = publish.release_ids(home)
    if recorded is None:
        return [Finding("releases", "ok", f"{len(ids)} kept, not compared")]
    tampered = [
        name for name in ids if name in recorded and not publish.is_untouched(home.release_file(name), recorded[name])
    ]
    unknown = [name for name in ids if name not in recorded]
    findings = [
        Finding("releases", "bad", f"{name} is not as it was published; the next run replaces it") for name in tampered
    ]
    findings += [
        Finding("releases", "warn", f"{name} is not in the ledger; the next run removes it") for name in unknown
    ]
    copied = sum(is_copied(home.release_file(name), recorded[name]) for name in ids) if not findings else 0
    more = f"; {copied} copied since: the next run notes where they lie, and until then each look reads them whole"
    return findings or [Finding("releases", "ok", f"{len(ids)} kept, all as published{more if copied else ''}")]


def check_readers(home: Home) -> list[Finding]:
    """Say which processes read which release; one that reads an old release keeps its disk space from being freed."""
    if not PROC.is_dir():
        return [Finding("readers", "ok", "not known here: this system has no /proc")]
    current = publish.current(home)
    groups: dict[str, list[str]] = defaultdict(list)
    for reader in readers(home):
        groups[reader.release].append(f"{reader.pid} ({reader.command})")
    if not groups:
        return [Finding("readers", "ok", "no process that can be seen from here")]
    return [
        Finding(
            "readers",
            "ok" if release == current else "warn",
            f"{release}{'' if release == current else ', old'}: {', '.join(pids)}",
        )
        for release, pids in sorted(groups.items())
    ]


def readers(home: Home, proc: Path = PROC) -> list[Reader]:
    """Return the processes that have a release open, sorted; those of other users are seen by root only."""
    place = re.compile(re.escape(f"{home.releases.resolve()}/") + r"([^/]+)/")
    found = {
        Reader(int(folder.name), _command(folder), match[1].removesuffix(STAGING_SUFFIX))
        for folder in proc.glob("[0-9]*")
        for path in _open_files(folder)
        if (match := place.match(path)) is not None and int(folder.name) != os.getpid()
    }
    return sorted(found, key=lambda reader: (reader.release, reader.pid))


def _open_files(folder: Path) -> Iterator[str]:
    try:
        for name in os.listdir(folder / "fd"):
            try:
                yield os.readlink(folder / "fd" / name)
            except OSError:
                continue
    except OSError:
        return


def _command(folder: Path) -> str:
    try:
        return (folder / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "?"


def check_leftovers(home: Home) -> list[Finding]:
    """Say what crashed runs have left; what a run that is going uses looks the same, so then nothing is said."""
    if probe(home) is not None:
        return []
    found = publish.leftovers(home)
    if not found:
        return [Finding("leftovers", "ok", "none")]
    size = sum(_size(path) for path in found)
    names = ", ".join(str(path) for path in found[:5]) + (" …" if len(found) > len(found[:5]) else "")
    return [
        Finding("leftovers", "warn", f"{len(found)}, {size:,} bytes: {names}; `newsmart doctor --clean` removes them")
    ]


def _size(path: Path) -> int:
    try:
        if path.is_symlink() or not path.is_dir():
            return path.lstat().st_size
        return sum(child.lstat().st_size for child in path.rglob("*"))
    except OSError:
        return 0


def check_room(home: Home) -> list[Finding]:
    """Say whether the next run has room, judged by the size of what is there."""
    place = next(path for path in (home.folder, *home.folder.parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    current = publish.current(home)
    now = (_size(home.release_file(current)) if current else 0) + _size(home.ledger)
    needed = max(LEAST_FREE_BYTES, ROOM_FACTOR * now)
    status: Status = "ok" if free >= needed else "bad" if free < now else "warn"
    text = f"{free:,} bytes free at {place}; a run may need {needed:,}"
    return [Finding("space", status, text)]


def check_tools() -> list[Finding]:
    """Compare the installed tools with the versions that are known to work."""
    findings = [finding for name, span in KNOWN_TO_WORK.items() if (finding := _check_tool(name, span))]
    python = ".".join(map(str, sys.version_info[:3]))
    return findings or [Finding("tools", "ok", f"all as known to work, on Python {python}")]


def _check_tool(name: str, span: tuple[str, str]) -> Finding | None:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return Finding("tools", "warn", f"{name} is not installed")
    if is_within(version, span):
        return None
    return Finding(
        "tools", "warn", f"{name} {version} was never tried; {span[0]} or later, below {span[1]}, is known to work"
    )


def is_within(version: str, span: tuple[str, str]) -> bool:
    """Return whether a version lies in [first, last), by its release numbers (PEP 440); a suffix is left out."""
    low, high = (_numbers(bound) for bound in span)
    return low <= _numbers(version) < high


def _numbers(version: str) -> tuple[int, ...]:
    match = re.match(r"[0-9]+(?:\.[0-9]+)*", version)
    numbers = [int(part) for part in match[0].split(".")] if match else []
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)
