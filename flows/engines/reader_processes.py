"""Starting reading processes, and speaking with each over a socket of its own.

Where the system forks well (Linux), one program imports what reading needs and then forks for the others: their
imports cost as much as reading ten thousand blocks. It is forked while it has no thread of ours, no lock and no file
but its sockets, which is why the program forks and this process never does: a fork of this one would hold the
ledger's lock. Elsewhere each process is a program of its own.

Not multiprocessing: its children import the parent's main module again, need a resource tracker, and end with their
parent only by a thread that watches.
"""

import os
import pickle
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from flows.engines.messages import receive, send
from schemas.errors import NewsmartError, RunFailed, TransientFailure

AHEAD = 2
START = (
    "import sys; sys.path[:] = {path!r};"
    "import gc, signal; signal.signal(signal.SIGINT, signal.SIG_IGN); gc.disable();"
    "from flows.engines.worker import main; main({descriptors!r})"
)
_PATIENCE_SECONDS = 2.0


def start_workers(count: int) -> list["Worker"]:
    """Start reading processes and do not wait for them."""
    pairs = [socket.socketpair() for _ in range(count)]
    programs = [pairs] if sys.platform == "linux" else [[pair] for pair in pairs]
    workers: list[Worker] = []
    for ends in programs:
        program = _start_program([theirs.fileno() for _, theirs in ends])
        workers += [Worker(ours, program if place == 0 else None) for place, (ours, _) in enumerate(ends)]
    for _, theirs in pairs:
        theirs.close()
    return workers


def end_workers(workers: Sequence["Worker"]) -> None:
    """End reading processes, whatever they are at; those that were forked first, so that their program reaps them."""
    for worker in sorted(workers, key=lambda worker: worker.program is not None):
        worker.close()


def _start_program(descriptors: list[int]) -> "subprocess.Popen[bytes]":
    # -P keeps the current folder off the module path, where a user's `signal.py` would be imported.
    command = [sys.executable, "-P", "-c", START.format(path=sys.path, descriptors=descriptors)]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=descriptors)


class Worker:
    """A reading process, and the thread that takes in its answers. `program` is None where it was forked."""

    def __init__(self, channel: socket.socket, program: "subprocess.Popen[bytes] | None") -> None:
        """In: our end of its socket, and the program that it is."""
        self.program = program
        self._channel, self._tasks = channel, channel.makefile("wb")
        self._pid = 0
        self._has_begun = threading.Event()
        # One, and another in the hand of the thread that takes them in: answers that wait are memory.
        self._answers: queue.Queue[bytes | None] = queue.Queue(maxsize=1)
        self._thread = threading.Thread(target=self._take_in, args=(channel.makefile("rb"),), daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Return the process's id; wait for it to tell."""
        self._has_begun.wait()
        return self._pid

    def _take_in(self, source: IO[bytes]) -> None:
        """Note the id that the process tells first, then queue each answer; None once the process has ended."""
        answer = _receive(source)
        self._pid = 0 if answer is None else pickle.loads(answer)
        self._has_begun.set()
        while answer is not None:
            answer = _receive(source)
            self._answers.put(answer)
        if not self._pid:
            self._answers.put(None)
        source.close()

    def send(self, message: bytes) -> None:
        """Send a task; one that the process is not there for shows when its answer is asked for."""
        try:
            send(self._tasks, message)
        except OSError:
            return

    def receive(self) -> list[bytes]:
        """Return the next answer.

        Raises what reading raised on purpose, TransientFailure where the process has ended, RunFailed where it failed.
        """
        answer = self._answers.get()
        if answer is None:
            status = "" if self.program is None else f" with status {self.program.wait()}"
            raise TransientFailure(f"a reading process ended{status}", todo="run again")
        content: list[bytes] | str | NewsmartError = pickle.loads(answer)
        if isinstance(content, NewsmartError):
            raise content
        if isinstance(content, str):
            raise RunFailed(f"a reading process failed: {content}")
        return content

    def close(self) -> None:
        """End the process, whatever it is at, and the thread with it."""
        with suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)
        self._end_process()
        while self._thread.is_alive():
            with suppress(queue.Empty):
                self._answers.get(timeout=0.01)
        with suppress(OSError):
            self._tasks.close()
        self._channel.close()

    def _end_process(self) -> None:
        if self.program is None:
            # Its id stays its own until its program, which ends after it, has reaped it.
            if self._has_begun.is_set() and self._pid:
                with suppress(ProcessLookupError):
                    os.kill(self._pid, signal.SIGKILL)
            return
        if self._has_begun.is_set():
            with suppress(subprocess.TimeoutExpired):
                self.program.wait(_PATIENCE_SECONDS)
        self.program.kill()
        self.program.wait()


def _receive(source: IO[bytes]) -> bytes | None:
    try:
        return receive(source)
    except OSError:
        return None
