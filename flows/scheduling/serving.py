"""What `newsmart serve` shares with its worker, with `status` and with `newsmart run`. Imports no Prefect.

- The job: what the worker is to do. It travels on the worker's standard input, which no `ps` shows and no limit of a
  command line cuts. Our settings travel by the environment.
- serve.json: that a scheduler runs, where, and what is due next. It is believed only while the kernel says that
  `serve.lock` is held, as a killed scheduler leaves the file behind. A service begins without it, so a worker that
  finds it takes over from an earlier one.
- The log: one line on stderr for each thing that happens, as text or as JSON. Rejected: Prefect's console handler,
  which writes a traceback for each failed flow. What it logs of a run is on the page anyway.
"""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flows.pipeline.request import LOGGER
from flows.scheduling.private import locked
from schemas.errors import LockedError
from warehouse.durable import try_lock, write_atomically
from warehouse.home import Home

NEW_PROCESS, NEW_SERVER = 75, 76
"""The worker's exit status where another process should go on; behind a server that was started again."""


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


@dataclass(frozen=True, slots=True)
class Job:
    """What the worker is to do: the deployments' name, schedule and parameters of the refresh, and how to run.

    `folder` is where `newsmart serve` was started: there the command of a failed run is started.
    """

    name: str
    when: When
    parameters: dict[str, Any]
    serving: Serving
    folder: str
    is_quiet: bool = False
    runs_now: bool = False

    def as_line(self) -> bytes:
        """Return the job as `from_line` takes it."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "Job":
        """Return the job that the parent wrote."""
        told = json.loads(line)
        return cls(**told | {"when": When(**told["when"]), "serving": Serving(**told["serving"])})


def serving_file(home: Home) -> Path:
    """Return where a scheduler tells of itself."""
    return home.folder / "serve.json"


def write_serving(home: Home, serving: Serving) -> None:
    """Replace serve.json. Raises OSError."""
    write_atomically(serving_file(home), json.dumps(asdict(serving)).encode() + b"\n")


def read_serving(home: Home) -> Serving | None:
    """Return the scheduler that runs for the warehouse, or None. Takes no lock for longer than an instant."""
    try:
        with open(_lock_of(home), "rb") as lock:
            if not try_lock(lock.fileno(), shared=True):  # somebody serves
                return Serving(**json.loads(serving_file(home).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return None


@contextmanager
def hold_serving(home: Home) -> Iterator[None]:
    """Be the warehouse's only scheduler for the block. Raises LockedError where there is one, RunFailed for no lock."""

    def busy() -> LockedError:
        told = read_serving(home)
        where = str(home.file) if told is None else f"{home.file}, pid {told.pid}, {told.schedule}"
        return LockedError("another `newsmart serve` serves the warehouse", where=where, todo="stop it first")

    with locked(_lock_of(home), busy):
        serving_file(home).unlink(missing_ok=True)  # one that was killed leaves its own
        yield
        serving_file(home).unlink(missing_ok=True)


def _lock_of(home: Home) -> Path:
    return home.folder / "serve.lock"


class JsonLines(logging.Formatter):
    """A log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        level, message = record.levelname.lower(), record.getMessage()
        told = {"at": at, "level": level, "logger": record.name, "message": message}
        return json.dumps(told, ensure_ascii=False)


def set_up_log(form: str, *, is_quiet: bool) -> None:
    """Send the log lines of newsmart to stderr, as text or JSON; other libraries' go their own way."""
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)sZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S")
    text.converter = time.gmtime
    handler.setFormatter(JsonLines() if form == "json" else text)
    handler.addFilter(lambda record: record.name != LOGGER)  # a line a run is enough here; the page has all
    logging.getLogger(LOGGER).setLevel(logging.INFO)
    ours = logging.getLogger("newsmart")
    ours.handlers[:] = [handler]
    ours.setLevel(logging.WARNING if is_quiet else logging.INFO)
    ours.propagate = False
