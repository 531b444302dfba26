"""Looking a warehouse over: what is wrong, what is only worth knowing, and what may be swept away.

It must answer when everything else fails, so each check stands alone, opens no database and takes no lock that a run
would have to wait for. A check yields what it found: how bad it is, and a text.
"""

import importlib.metadata
import platform
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

from schemas.errors import NewsmartError
from warehouse.clock import parse_moment, utc_now
from warehouse.home import Home
from warehouse.ledger.packs import LOST
from warehouse.lock import hold, probe
from warehouse.release import differing, publish
from warehouse.release.freshness import (
    BEHIND,
    CATCHING_UP,
    LEAST_AHEAD_SECONDS,
    PINNED,
    is_reported_behind,
    pin_of,
    shown_record,
)
from warehouse.release.publish import Fingerprint
from warehouse.run_state import state_before
from warehouse.state import read_state
from warehouse.upkeep.moved import displaced
from warehouse.upkeep.rights import Found, Status, check_folders, check_readers, check_rights, first_few

# A run needs room for a new ledger's tail, the new release and what DuckDB spills, for each byte that is there now.
ROOM_FACTOR = 3
LEAST_FREE_BYTES = 500_000_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found. `bad` needs a hand, `warn` may, `ok` is for the record."""

    name: str
    status: Status
    text: str


def examine(home: Home, recorded: Mapping[str, Fingerprint] | None = None) -> list[Finding]:
    """Return what was found, in a fixed order.

    `recorded` are the fingerprints by release id, as they were published; where given, each release's file is compared
    (all of it is read where its times differ). Writes nothing, takes no lock, raises nothing but errors of programming.
    """
    checks = (
        ("file", check_link(home)),
        ("folders", check_folders(home)),
        ("lock", check_lock(home)),
        ("ledger", check_ledger(home)),
        ("rights", check_rights(home)),
        ("releases", check_releases(home, recorded)),
        ("readers", check_readers(home)),
        ("leftovers", check_leftovers(home)),
        ("space", check_room(home)),
        ("tools", check_tools()),
    )
    found = [Finding(name, status, text) for name, texts in checks for status, text in texts]
    return found + [Finding(name, status, text) for name, status, text in known_troubles(home) if text is not None]


def known_troubles(home: Home) -> Iterator[tuple[str, Status, str | None]]:
    """Yield what others have found, or would refuse: name, status, and the text where it is so."""
    state = state_before(home)
    run = state.get("run", {})
    # A log keeps the next release from being published.
    yield "log", "bad", _refusal(publish.check_no_stray_wal, home)
    yield "state", "warn", _refusal(read_state, home)
    if (began_at := state.get("takedown")) and probe(home) is None:  # while a takedown is going it looks the same
        todo = "give `newsmart purge` again, or run: older releases may still show it"
        yield "takedown", "bad", f"that of {began_at} was cut off; {todo}"
    yield from (("bytes", "bad", notice) for notice in run.get("notices", []) if notice.startswith(LOST))
    if pin_of(home, state) is not None:
        yield "freshness", "warn", PINNED
    elif is_reported_behind(state, shown_record(home, state)):
        yield "freshness", "warn", f"{BEHIND} (the last run: {run.get('status')})"
    as_of = run.get("as_of")
    if as_of is not None and (parse_moment(as_of) - utc_now()).total_seconds() >= LEAST_AHEAD_SECONDS:
        yield "clock", "warn", f"the last as-of, {as_of}, lies ahead of it; {CATCHING_UP}"
    yield "releases", "bad", differing.told(home)


def _refusal(check: Callable[[Home], object], home: Home) -> str | None:
    try:
        check(home)
    except NewsmartError as error:
        return str(error)
    return None


def clean(home: Home) -> list[Path]:
    """Remove what crashed runs have left, under the lock; return what was removed.

    Raises LockedError while a run is going.
    """
    if not home.folder.is_dir():
        return []
    with hold(home):
        return publish.clean(home)


def check_link(home: Home) -> Found:
    """Say what FILE is."""
    release = home.linked_release()
    if wrong := displaced(home) or _refusal(Home.check, home):
        yield "bad", wrong
    elif release is None:
        yield "warn", f"{home.file}: no release yet"
    elif publish.current(home) is None:
        yield "bad", f"{home.file} shows release {release}, whose file is gone; a run makes a new one"
    else:
        yield "ok", f"{home.file} shows release {release}"


def check_lock(home: Home) -> Found:
    """Say who holds the warehouse."""
    holder = probe(home)
    command = f", {holder.command}" if holder and holder.command else ""
    yield "ok", "no run is going" if holder is None else f"a run is going: {holder}{command}"


def check_ledger(home: Home) -> Found:
    """Say whether the ledger is there and private. Its content is for a run, or `newsmart verify`, to judge."""
    try:
        status = home.ledger.stat()
    except FileNotFoundError:
        yield "bad" if publish.release_ids(home) else "ok", f"{home.ledger}: there is none"
    except OSError as error:
        yield "bad", f"{home.ledger}: {error.strerror}"
    else:
        if status.st_mode & 0o077:
            yield "warn", f"{home.ledger}: others may read it; chmod 600"
        else:
            yield "ok", f"{home.ledger}: {status.st_size:,} bytes"


def check_releases(home: Home, recorded: Mapping[str, Fingerprint] | None) -> Found:
    """Compare each release's file with what was recorded when it was published."""
    ids = publish.release_ids(home)
    if recorded is None:
        yield "ok", f"{len(ids)} kept, not compared"
        return
    known = [name for name in ids if name in recorded]
    tampered = [name for name in known if not publish.is_untouched(home.release_file(name), recorded[name])]
    for name in tampered:
        yield "bad", f"{name} is not as it was published; the next run replaces it"
    for name in (name for name in ids if name not in known):
        yield "warn", f"{name} is not in the ledger; the next run removes it"
    if not tampered and known == ids:
        # A file that is as it was published, and has another inode or time than then, lies elsewhere.
        found = ((recorded[name], home.release_file(name).stat()) for name in ids)
        copied = sum((then.inode, then.mtime_ns) != (now.st_ino, now.st_mtime_ns) for then, now in found)
        more = f"; {copied} copied since: the next run notes where they lie, and until then each look reads them whole"
        yield "ok", f"{len(ids)} kept, all as published{more if copied else ''}"


def check_leftovers(home: Home) -> Found:
    """Say what crashed runs have left; what a run that is going uses looks the same, so then nothing is said."""
    if probe(home) is not None:
        return
    found = publish.leftovers(home)
    if not found:
        yield "ok", "none"
        return
    size, names = sum(map(_size, found)), first_few(found)
    yield "warn", f"{len(found)}, {size:,} bytes: {names}; `newsmart doctor --clean` removes them"


def _size(path: Path) -> int:
    try:
        if path.is_symlink() or not path.is_dir():
            return path.lstat().st_size
        return sum(child.lstat().st_size for child in path.rglob("*"))
    except OSError:
        return 0


def check_room(home: Home) -> Found:
    """Say whether the next run has room, judged by the size of what is there."""
    place = next(path for path in (home.folder, *home.folder.parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    current = publish.current(home)
    now = (_size(home.release_file(current)) if current else 0) + _size(home.ledger)
    needed = max(LEAST_FREE_BYTES, ROOM_FACTOR * now)
    status: Status = "ok" if free >= needed else "bad" if free < now else "warn"
    yield status, f"{free:,} bytes free at {place}; a run may need {needed:,}"


def check_tools() -> Found:
    """Compare the packages at hand with those that newsmart asks for, which are known to work."""
    unmet = [text for line in importlib.metadata.requires("newsmart") or () if (text := _unmet(Requirement(line)))]
    yield from (("warn", text) for text in unmet)
    if not unmet:
        yield "ok", f"all as known to work, on Python {platform.python_version()}"


def _unmet(wanted: Requirement) -> str | None:
    """Return how a package differs from what is wanted; None where it fits, or is wanted by an extra only."""
    if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
        return None
    try:
        version = importlib.metadata.version(wanted.name)
    except importlib.metadata.PackageNotFoundError:
        return f"{wanted.name} is not installed"
    if wanted.specifier.contains(version, prereleases=True):
        return None
    return f"{wanted.name} {version} was never tried; {wanted.specifier} is known to work"
