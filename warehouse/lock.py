"""One run at a time for each warehouse: a lock that dies with its process.

`flock` on a file that is never deleted. The kernel drops it when the last descriptor closes, so that kill -9 leaves
nothing to clean up. Rejected: a pid file (stale after a crash, and a pid is soon another program's); POSIX record
locks (any close of the file in the same process drops them, so that looking would unlock); DuckDB's own lock on the
ledger (it says "could not set lock on file", and is only held while the ledger is open).

What the file says is for people only. Who holds the lock is decided by the kernel, so a stale or garbled text harms
nothing. The descriptor is close-on-exec and is closed in forked children: a worker that outlives its parent must not
keep the warehouse locked.
"""

import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from schemas.errors import LockedError, RunFailed
from warehouse.durable import open_regular, read_regular, try_lock
from warehouse.home import Home
from warehouse.owners import file_mode, hand_over
from warehouse.refusals import refusing

# A look by `probe` or a backup's last moment can hold the lock for an instant; that is not another run.
GRACE_SECONDS = 0.3
PAUSE_SECONDS = 0.02
MAX_TEXT_BYTES = 10_000


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock, as far as it can be known; None is unknown."""

    pid: int | None = None
    started_at: str | None = None
    host: str | None = None
    command: str | None = None

    def __str__(self) -> str:
        """Say it in a few words: pid 123, since …, on host …."""
        parts = [f"pid {self.pid}" if self.pid is not None else "unknown process"]
        parts += [f"since {self.started_at}"] if self.started_at else []
        parts += [f"on {self.host}"] if self.host and self.host != socket.gethostname() else []
        return ", ".join(parts)


# The descriptors that hold a lock. A forked child closes its copies at once: only this process holds it.
_held: set[int] = set()


def _let_go() -> None:
    for number in _held:
        os.close(number)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


@contextmanager
def hold(home: Home, *, wait_seconds: float = GRACE_SECONDS) -> Iterator[None]:
    """Hold the warehouse for the block.

    In: the home, whose folder exists; how long to wait for another holder. Raises LockedError (exit 3), which says who
    holds it, and RunFailed where the lock file cannot be written at all.
    """
    number = _acquire(home.lock, time.monotonic() + wait_seconds)
    _held.add(number)
    try:
        _sign(number, home.lock)
        yield
    finally:
        if number in _held:
            _held.remove(number)
            with suppress(OSError):
                os.ftruncate(number, 0)
            os.close(number)


def _acquire(path: Path, deadline: float) -> int:
    while True:
        with ExitStack() as stack:
            number = _open(path)
            stack.callback(os.close, number)
            if _try_lock(number, path) and _is_in_place(number, path):
                stack.pop_all()
                return number
        if time.monotonic() >= deadline:
            todo = "it ends by itself; `newsmart doctor` tells more"
            where = f"{path.parent}, {read_holder(path) or Holder()}"
            raise LockedError("another run holds the warehouse", where=where, todo=todo)
        time.sleep(PAUSE_SECONDS)


def _open(path: Path) -> int:
    """Open the lock, made where it is absent. What it says is overwritten, so it has to be a file of its own."""
    with refusing("cannot open the warehouse's lock", path):
        number = open_regular(path.parent, path.name, os.O_RDWR | os.O_CREAT)
    if os.fstat(number).st_nlink > 1:
        os.close(number)
        raise RunFailed("the warehouse's lock has another name too", where=str(path), todo="remove it")
    with suppress(OSError):  # another user's, who lets this one write it
        hand_over(number, path.parent, file_mode(path.parent))
    return number


def _try_lock(number: int, path: Path) -> bool:
    try:
        return try_lock(number)
    except OSError as error:
        todo = "keep the warehouse on a file system that knows flock"
        raise RunFailed("cannot lock the warehouse", where=f"{path}: {error.strerror}", todo=todo) from error


def _is_in_place(number: int, path: Path) -> bool:
    """Return whether the path still names the locked file: a lock on a deleted file excludes nobody."""
    try:
        return os.path.samestat(os.fstat(number), os.lstat(path))
    except FileNotFoundError:
        return False


def _sign(number: int, path: Path) -> None:
    holder = {
        "pid": os.getpid(),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": socket.gethostname(),
        "command": " ".join(sys.argv)[:1000],
    }
    with refusing("cannot write the warehouse's lock", path):
        os.ftruncate(number, 0)
        os.pwrite(number, json.dumps(holder).encode(), 0)


def read_holder(path: Path) -> Holder | None:
    """Return what the lock file says, or None when it is absent, empty or unreadable. It may be stale."""
    try:
        content = json.loads(read_regular(path.parent, path.name, MAX_TEXT_BYTES))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict):
        return None
    pid = content.get("pid")
    texts = [content.get(name) for name in ("started_at", "host", "command")]
    started_at, host, command = (text if isinstance(text, str) else None for text in texts)
    return Holder(pid if isinstance(pid, int) else None, started_at, host, command)


def probe(home: Home) -> Holder | None:
    """Return who holds the warehouse now, or None when nobody does. Never waits.

    Takes a shared lock for an instant: a run that starts just then waits GRACE_SECONDS before it gives up.
    """
    try:
        number = open_regular(home.folder, home.lock.name)
    except OSError:
        return None
    try:
        is_free = try_lock(number, shared=True)
    except OSError:
        return None
    finally:
        os.close(number)
    return None if is_free else read_holder(home.lock) or Holder()
