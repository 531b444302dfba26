"""`newsmart serve` as a child process: started, looked at, edited under, stopped. Used by the soak and by tests."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self, TypeVar
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import duckdb

from flows.scheduling.server import READY_SECONDS, PrefectServer
from flows.scheduling.serving import Serving, read_serving
from warehouse.home import Home

ROOT = Path(__file__).resolve().parents[2]
SERVICE_UNAVAILABLE = 503  # SQLite was busy
T = TypeVar("T")
ROLES = {"from flows.scheduling.server_process": "server", "from flows.serve": "worker"}


def free_port() -> int:
    """Return a port on loopback that nothing uses now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait_for(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """Return the first value that is there and true. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    raise TimeoutError(what)


@contextmanager
def running(server: PrefectServer, seconds: float = READY_SECONDS) -> Iterator[None]:
    """Run a server for the block, which begins when it answers."""
    try:
        server.start()
        server.wait_until_ready(seconds)
        yield
    finally:
        server.stop()


@dataclass
class Served:
    """A scheduler over a source folder. A context manager; its log lies in a file."""

    place: Path
    arguments: tuple[str, ...] = ("--every", "5")
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None
    _log: IO[bytes] | None = None

    @property
    def source(self) -> Path:
        """The folder of documents."""
        return self.place / "news"

    @property
    def home(self) -> Home:
        """The warehouse."""
        return Home.of(self.place / "out" / "news.duckdb")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process of `newsmart serve`."""
        if self._process is None:
            raise RuntimeError("not started")
        return self._process

    def command(self) -> list[str]:
        """Return the command line."""
        given = ["--source", f"news={self.source}", "--warehouse", str(self.home.file), "--port", str(self.port)]
        return [sys.executable, "-m", "flows.cli", "serve", *given, *self.arguments]

    def start(self) -> Self:
        """Start it and return at once."""
        self.source.mkdir(parents=True, exist_ok=True)
        self._close_log()
        self._log = (self.place / "serve.log").open("ab")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "NEWSMART_"))}
        self._process = subprocess.Popen(
            self.command(), cwd=ROOT, env={**kept, **self.environment}, stderr=self._log, stdout=self._log
        )
        return self

    def log(self) -> str:
        """Return what it has said."""
        return (self.place / "serve.log").read_text()

    def serving(self) -> Serving | None:
        """Return what it tells of itself, once a run is due."""
        told = read_serving(self.home)
        return told if told is not None and told.next_due_at is not None else None

    def wait_until_serving(self, seconds: float = 200.0) -> Serving:
        """Wait for the first run to be due."""
        return wait_for(self.serving, seconds, f"serve did not start:\n{self.log()}")

    def titles(self) -> dict[str, str]:
        """Return the title of each document in the release, by path; nothing where there is no release."""
        if not self.home.file.exists():
            return {}
        sql = """
            select path, title from main.dim_document join main.dim_article using (article_key) where removed_at is null
        """
        with duckdb.connect(self.home.file, read_only=True) as connection:
            return dict(connection.execute(sql).fetchall())

    def wait_for_titles(self, expected: Mapping[str, str], seconds: float = 60.0) -> None:
        """Wait until the release shows just these documents."""
        wait_for(lambda: self.titles() == expected, seconds, f"the release shows {self.titles()}, not {expected}")

    def ask(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """Ask the API as who has the key: the answer's JSON."""
        key = (self.home.folder / "prefect" / "key").read_text().strip()
        basic = base64.b64encode(key.encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/json"}
        address = f"http://127.0.0.1:{self.port}"
        if body is not None:
            token = self.ask("/api/csrf-token?client=test")["token"]
            headers |= {"Prefect-Csrf-Token": token, "Prefect-Csrf-Client": "test"}
        asked = Request(address + path, None if body is None else json.dumps(body).encode(), headers)
        for tries_left in range(9, -1, -1):
            try:
                with urlopen(asked, timeout=30) as answer:
                    return json.loads(answer.read())
            except HTTPError as error:
                error.close()
                if error.code != SERVICE_UNAVAILABLE or not tries_left:
                    raise
                time.sleep(0.5)
        return None

    def children(self) -> dict[str, int]:
        """Return the process ids of the server and of the worker, by role."""
        out = subprocess.run(["ps", "-axwwo", "pid=,ppid=,args="], capture_output=True, text=True, check=True).stdout
        rows = [line.split(None, 2) for line in out.splitlines()]
        ours = [(int(row[0]), row[2]) for row in rows if len(row) == 3 and int(row[1]) == self.process.pid]
        return {role: pid for pid, args in ours for name, role in ROLES.items() if name in args}

    def rss_bytes(self) -> dict[str, int]:
        """Return the resident memory of each process, by role."""
        pids = {"serve": self.process.pid, **self.children()}
        told = {}
        for role, pid in pids.items():
            out = subprocess.run(
                ["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False
            ).stdout
            if out.strip():
                told[role] = int(out) * 1024
        return told

    def database_bytes(self) -> int:
        """Return the size of Prefect's database, its write-ahead log included."""
        return sum(file.stat().st_size for file in (self.home.folder / "prefect").glob("prefect.db*"))

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 30.0) -> tuple[int, float]:
        """Ask it to stop. Out: its exit status and the seconds it took. Kills what does not end in time."""
        start = time.monotonic()
        self.process.send_signal(number)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        return status, time.monotonic() - start

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Stop, whatever it does."""
        if self._process is not None and self._process.poll() is None:
            self.stop()
        self._close_log()

    def _close_log(self) -> None:
        if self._log is not None:
            self._log.close()
        self._log = None
