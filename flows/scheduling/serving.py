"""serve.json: what `newsmart serve` tells those who have no server: that it runs, where, and what is due next.

It is believed only while `serve.lock` is held, by the kernel's word: a killed scheduler leaves the file behind.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from schemas.errors import LockedError
from warehouse.durable import try_lock, write_atomically
from warehouse.home import Home
from warehouse.refusals import refused


@dataclass(frozen=True, slots=True)
class When:
    """A schedule: a cron expression in a time zone, or else an interval. `spacing`: seconds between two runs."""

    spacing: float
    cron: str | None = None
    timezone: str = "UTC"

    def __str__(self) -> str:
        """Say it as the option that asked for it."""
        return f"cron {self.cron!r} ({self.timezone})" if self.cron is not None else f"every {self.spacing:g} s"


@dataclass(frozen=True, slots=True)
class Serving:
    """A scheduler that runs. Times are ISO 8601 with Z; next_due_at None: nothing is scheduled yet."""

    pid: int
    schedule: str
    api_url: str
    started_at: str
    next_due_at: str | None = None


def serving_file(home: Home) -> Path:
    """Return where a scheduler tells of itself."""
    return home.folder / "serve.json"


def write_serving(home: Home, serving: Serving) -> None:
    """Replace serve.json. Raises OSError."""
    write_atomically(serving_file(home), json.dumps(asdict(serving)).encode() + b"\n")


def read_serving(home: Home) -> Serving | None:
    """Return the scheduler that runs for the warehouse, or None. Takes no lock for longer than an instant."""
    if not _is_held(home):
        return None
    try:
        return Serving(**json.loads(serving_file(home).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None


@contextmanager
def hold_serving(home: Home) -> Iterator[None]:
    """Be the warehouse's only scheduler for the block. Raises LockedError where there is one, RunFailed for no lock."""
    path = home.folder / "serve.lock"
    try:
        number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise refused("cannot open the scheduler's lock", path, error) from error
    try:
        _lock(number, home)
        serving_file(home).unlink(missing_ok=True)  # one that was killed leaves its own
        yield
        serving_file(home).unlink(missing_ok=True)
    finally:
        os.close(number)


def _lock(number: int, home: Home) -> None:
    if not try_lock(number):
        serving = read_serving(home)
        where = str(home.file) if serving is None else f"{home.file}, pid {serving.pid}, {serving.schedule}"
        raise LockedError("another `newsmart serve` serves the warehouse", where=where, todo="stop it first")


def _is_held(home: Home) -> bool:
    try:
        number = os.open(home.folder / "serve.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return not try_lock(number, shared=True)
    except OSError:
        return False
    finally:
        os.close(number)
