"""What newsmart keeps for Prefect in FILE.d, and what `newsmart serve` tells of itself. Imports no Prefect.

Other users of this machine are not trusted: Prefect's database holds logs, file names and parameters, and whoever may
ask the API may start runs. So FILE.d/prefect is 0700, the server's key lies in it in a file of mode 0600, and reaches
Prefect's processes by their environment, as `ps` shows command lines to all. Prefect reads `.env`, `prefect.toml` and
`pyproject.toml` of the current folder, which may be anybody's; its settings name classes to load and servers to obey.
So every process that imports Prefect does so in FILE.d/prefect.

- The job, what the worker is to do, travels on the worker's standard input; our settings travel by the environment.
- serve.json says that a scheduler runs, where, and what is due next. It is believed only while `serve.lock` is held, as
  a killed scheduler leaves the file behind. A service begins without it, so a worker that finds it takes over from an
  earlier one.
"""

import json
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any

from schemas.errors import LockedError, RunFailed
from warehouse.durable import open_regular, read_regular, try_lock, write_atomically
from warehouse.home import Home
from warehouse.owners import hand_over
from warehouse.refusals import refused

KEY_FILE = "key"
LOCK_FILE = "serve.lock"
MAX_BYTES = 1000
NEW_PROCESS, NEW_SERVER = 75, 76
"""The worker's exit status where another process should go on; behind a server that was started again."""


@dataclass(frozen=True, slots=True)
class When:
    """A schedule: a cron expression in a time zone, or else an interval. `spacing`: seconds between two runs."""

    spacing: float
    cron: str | None = None
    timezone: str = "UTC"

    def __str__(self) -> str:
        return f"cron {self.cron!r} ({self.timezone})" if self.cron is not None else f"every {self.spacing:g} s"


@dataclass(frozen=True, slots=True)
class Serving:
    """A scheduler that runs. Times are ISO 8601 with Z; next_due_at None: nothing is scheduled yet."""

    pid: int
    schedule: str
    api_url: str
    started_at: str
    next_due_at: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """What the worker is to do: the deployments' name, schedule and parameters of the refresh, and how to run.

    `folder` is where `newsmart serve` was started: there the command of a failed run is started. `clock_offset`: as it
    was when the server was started, which shows a clock that was set back while no worker looked.
    """

    name: str
    when: When
    parameters: dict[str, Any]
    serving: Serving
    folder: str
    is_quiet: bool = False
    runs_now: bool = False
    clock_offset: float = field(default_factory=lambda: clock_offset())

    def as_line(self) -> bytes:
        """Return the job as `from_line` takes it."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Job":
        """Return the job that the parent wrote."""
        told = json.loads(line)
        return cls(**told | {"when": When(**told["when"]), "serving": Serving(**told["serving"])})


def clock_offset() -> float:
    """Return how far the wall clock is ahead of one that nobody sets; all processes of this machine share that."""
    return time.time() - time.monotonic()


def serving_file(home: Home) -> Path:
    """Return where a scheduler tells of itself."""
    return home.folder / "serve.json"


def write_serving(home: Home, serving: Serving) -> None:
    """Replace serve.json. Raises OSError."""
    write_atomically(serving_file(home), json.dumps(asdict(serving)).encode() + b"\n")


def read_serving(home: Home) -> Serving | None:
    """Return the scheduler that runs for the warehouse, or None. Takes no lock for longer than an instant."""
    try:
        with open(home.folder / LOCK_FILE, "rb") as lock:
            if not try_lock(lock.fileno(), shared=True):  # somebody serves
                return Serving(**json.loads(serving_file(home).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return None


@contextmanager
def hold_serving(home: Home) -> Iterator[None]:
    """Be the warehouse's only scheduler for the block. Raises LockedError where there is one, RunFailed for no lock."""
    told = read_serving(home)
    where = str(home.file) if told is None else f"{home.file}, pid {told.pid}, {told.schedule}"
    busy = LockedError("another `newsmart serve` serves the warehouse", where=where, todo="stop it first")
    with locked(home.folder / LOCK_FILE, busy):
        serving_file(home).unlink(missing_ok=True)  # one that was killed leaves its own
        yield
        serving_file(home).unlink(missing_ok=True)


def private_folder(home: Home) -> Path:
    """Return FILE.d/prefect, made, ours alone and no link. Raises RunFailed."""
    folder = home.prefect
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not stat.S_ISDIR(os.lstat(folder).st_mode):
            raise RunFailed("Prefect's folder is a link", where=str(folder), todo="remove the link, and run again")
        os.chmod(folder, 0o700)
    except OSError as error:
        todo = "mend its owner or rights, or run with --direct"
        raise RunFailed("cannot make Prefect's folder", where=f"{folder}: {error.strerror}", todo=todo) from error
    hand_over_all(folder)
    return folder


def hand_over_all(folder: Path) -> None:
    """Give what root has made in Prefect's folder to the warehouse's user, whose later runs could not write it."""
    if os.geteuid() != 0 or folder.parent.stat().st_uid == 0:
        return
    for place, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            with suppress(OSError):
                number = os.open(Path(place) / name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
                try:
                    hand_over(number, folder.parent)
                finally:
                    os.close(number)


def key_in(folder: Path) -> str:
    """Return the server's key, `user:password` as Prefect wants it; a random one is made at first. Raises RunFailed."""
    return _read_or_make(folder, KEY_FILE, lambda: f"newsmart:{token_urlsafe(32)}")


def identity_in(folder: Path) -> str:
    """Return the warehouse's identity, made at first: on a shared server, another warehouse may have its path too."""
    return _read_or_make(folder, "identity", lambda: token_hex(4))


def known_key(home: Home) -> str | None:
    """Return the key of the server that serves the warehouse; None where this user may not read it."""
    try:
        return _read(home.prefect, KEY_FILE) or None
    except (OSError, UnicodeError):
        return None


def _read_or_make(folder: Path, name: str, make: Callable[[], str]) -> str:
    """Return the text of a file that only its owner may read; where there is none, or an empty one, it is made."""
    path = folder / name
    try:
        with suppress(FileNotFoundError):
            if text := _read(folder, name):
                return text
            path.unlink()
        text = make()
        with suppress(FileExistsError):  # another process was first
            number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with open(number, "wb") as file:
                hand_over(number, folder, 0o600)
                file.write(f"{text}\n".encode())
        return _read(folder, name)
    except (OSError, UnicodeError) as error:
        raise RunFailed(f"cannot read the server's {name}", where=f"{path}: {error}", todo="remove the file") from error


def _read(folder: Path, name: str) -> str:
    return read_regular(folder, name, MAX_BYTES).decode().strip()


@contextmanager
def locked(path: Path, busy: LockedError) -> Iterator[None]:
    """Hold a lock file for the block. Raises `busy` where another holds it, RunFailed for no lock."""
    try:
        number = open_regular(path.parent, path.name, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise refused("cannot open the lock", path, error) from error
    with open(number, "rb"):
        if not try_lock(number):
            raise busy
        yield
