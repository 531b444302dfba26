"""A Dask scheduler and its workers, each a process of its own, over TCP on loopback; all ended by `close`."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[3]
SECONDS = 60.0
PRELOAD = "tests.flows.readers.dask_preload"
SETTINGS = {
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": "[]",
    "DASK_DISTRIBUTED__WORKER__HTTP__ROUTES": "[]",
    "DASK_LOGGING__DISTRIBUTED": "critical",
}


class Crew:
    """A scheduler, and workers by name."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._file = place / "scheduler.json"
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        scheduler = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0", "--no-show"]
        self.scheduler = self._start("dask_scheduler", *scheduler)

    def _start(self, module: str, *options: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--scheduler-file", str(self._file), *options]
        # Not in the source's parent: a worker has a working directory of its own.
        return subprocess.Popen(
            command, cwd=self._place, env={**os.environ, **SETTINGS, "PYTHONPATH": str(ROOT)}, stderr=subprocess.DEVNULL
        )

    def hire(self, *names: str) -> None:
        """Start workers and do not wait for them."""
        place = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0", "--local-directory", str(self._place)]
        for name in names:
            self.workers[name] = self._start(
                "dask_worker", "--no-nanny", "--nthreads", "1", "--name", name, *place, "--preload", PRELOAD
            )

    @property
    def address(self) -> str:
        """The scheduler's address, once it is there."""
        deadline = time.monotonic() + SECONDS
        while not self._file.exists() or not self._file.read_text().strip():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return str(json.loads(self._file.read_text())["address"])

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a worker a signal."""
        self.workers[name].send_signal(number)

    def close(self) -> None:
        """End all processes."""
        for process in (*self.workers.values(), self.scheduler):
            process.kill()
            process.wait()
