"""Run a command and say what it cost: wall time, CPU and memory of its whole process tree.

Whole processes are compared, start included, because that is what a user waits for. CPU comes from wait4, which counts
a process and every descendant it waited for. Memory is sampled: the sum over all processes of the tree of the resident
size, so that a page shared by two of them counts twice and the number is never too good.

Rejected: timing inside the process, which leaves out the imports; `ru_maxrss`, which is that of the largest process and
so hides how many there are, and which on Linux begins with the size of whoever started it.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil

SAMPLE_SECONDS = 0.04
ROOT = Path(__file__).parents[2]


class ContenderError(Exception):
    """A measured command failed, or took longer than it was given."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run of a command cost, and the JSON object in its last line of output ({} where there is none)."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: dict[str, Any]


class PeakMemory(threading.Thread):
    """Sample a process tree's resident memory until stopped; `bytes` is the largest sum seen."""

    def __init__(self, pid: int) -> None:
        """In: the root of the tree."""
        super().__init__(daemon=True)
        self.pid, self.bytes, self.stopped = pid, 0, threading.Event()

    def run(self) -> None:
        """Sample until stopped."""
        while not self.stopped.wait(SAMPLE_SECONDS):
            self.bytes = max(self.bytes, tree_bytes(self.pid))


def tree_bytes(pid: int) -> int:
    """Return the resident bytes of a process and all its descendants; those that end meanwhile count nothing."""
    total = 0
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    for process in tree:
        try:
            total += process.memory_info().rss
        except psutil.Error:
            continue
    return total


def measure(command: Sequence[str], timeout_seconds: float) -> Cost:
    """Run a command from the repository's root and return what it cost.

    Python may keep what it compiles, as it does unless forbidden, so that no start pays for it anew. Raises
    ContenderError, with the end of its errors, where it exits with another status than 0 or runs too long.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=errors, cwd=ROOT, start_new_session=True, env=environment
        )
        sampler = PeakMemory(process.pid)
        limit = threading.Timer(timeout_seconds, os.killpg, (process.pid, signal.SIGKILL))
        sampler.start()
        limit.start()
        try:
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        finally:
            limit.cancel()
            sampler.stopped.set()
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        sampler.join()
        if process.returncode != 0:
            raise ContenderError(f"exit {process.returncode} after {wall:.0f} s: {' '.join(command)}\n{tail(errors)}")
        return Cost(wall, usage.ru_utime + usage.ru_stime, sampler.bytes, last_object(tail(output)))


def measure_run(source: Path, warehouse: Path, timeout_seconds: float, *more: str) -> Cost:
    """Run newsmart over a folder and return what it cost."""
    given = ["--source", f"news={source}", "--warehouse", str(warehouse), *more]
    return measure([sys.executable, "-m", "flows.cli", "run", "--direct", "--json", *given], timeout_seconds)


def print_measurements(measurements: Callable[[Path], Iterable[dict[str, Any]]], keep: Path | None) -> None:
    """Measure in a folder, which stays where `keep` names one; print each measurement at once, a JSON object a line."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        for line in measurements(folder):
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()


def tail(file: IO[bytes]) -> str:
    """Return the last 20,000 bytes of an open file as text."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 20_000))
    return file.read().decode(errors="replace")


def last_object(text: str) -> dict[str, Any]:
    """Return the JSON object in the last line of a text, {} where that is none."""
    lines = text.strip().splitlines()
    if not lines or not lines[-1].startswith("{"):
        return {}
    found = json.loads(lines[-1])
    return found if isinstance(found, dict) else {}
