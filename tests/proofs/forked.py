"""Starts commands quickly: a server imports newsmart once, and forks itself for each command.

A command is still a process of its own, with its own environment, umask and limits; it may be killed, and it ends as
any interpreter ends. It only skips a second of imports. What is about the start of the program (imports, closed
streams, an empty environment, signals) starts a new interpreter instead.
"""

import atexit
import gc
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

_ROOT = Path(__file__).resolve().parents[2]
_LIMITS = (resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE)


class Server:
    """A process that runs one command at a time, each as a fork of itself."""

    def __init__(self) -> None:
        """Start it; it ends with this object, or with this process."""
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.proofs.forked", str(theirs.fileno())],
                cwd=_ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def run(self, order: dict[str, Any], timeout: float) -> tuple[int, str, str]:
        """Run a command; return its exit status and what it wrote. Raises TimeoutError when it takes longer."""
        self._socket.settimeout(timeout)
        told: list[str] = []
        readers = []
        with self._socket.dup() as sender:
            pipes = [os.pipe(), os.pipe()]
            socket.send_fds(sender, [b"!"], [write_end for _, write_end in pipes])
            sender.sendall(json.dumps(order).encode() + b"\n")
        for read_end, write_end in pipes:
            os.close(write_end)
            readers.append(Reader(read_end))
        status = int(self._socket.recv(16))
        told = [reader.text() for reader in readers]
        return status, told[0], told[1]

    def stop(self) -> None:
        """End the server and the command that it runs."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._socket.close()

    def __del__(self) -> None:
        if self._process.poll() is None:
            self.stop()


class Reader(threading.Thread):
    """Reads a pipe to its end beside the command, which would wait for a full one."""

    def __init__(self, read_end: int) -> None:
        """Start to read."""
        super().__init__(daemon=True)
        self._read_end, self._text = read_end, ""
        self.start()

    def run(self) -> None:
        """Read all of it."""
        with open(self._read_end, encoding="utf-8") as file:
            self._text = file.read()

    def text(self) -> str:
        """Wait for the end and return what was read."""
        self.join()
        return self._text


_mine = threading.local()


def run_command(
    arguments: Sequence[str], environment: Mapping[str, str], timeout: float, edge: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command of newsmart in a process of its own, wait for it and return what it said.

    The umask and the limits are those of this process. In: `edge`, where it is to die (tests/proofs/killed.py).
    Raises TimeoutError.
    """
    if not hasattr(_mine, "server"):
        _mine.server = Server()  # one for each thread, as a server waits for its command
    umask = os.umask(0o077)
    os.umask(umask)
    limits = [resource.getrlimit(limit) for limit in _LIMITS]
    order = {"arguments": list(arguments), "environment": dict(environment), "umask": umask, "limits": limits}
    order["edge"] = edge
    try:
        done = _mine.server.run(order, timeout)
    except BaseException:
        _mine.server.stop()
        del _mine.server
        raise
    return subprocess.CompletedProcess(arguments, *done)


def _serve(connection: socket.socket) -> int:
    """Fork for each order until nobody can give any; return, in the fork, the exit status of the command."""
    with connection, connection.makefile("rb", buffering=0) as lines:
        while True:
            flag, streams, *_ = socket.recv_fds(connection, 1, 2)
            if not flag:
                return 0
            order = json.loads(lines.readline())
            child = os.fork()
            if child == 0:
                break
            for stream in streams:
                os.close(stream)
            status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            connection.sendall(str(status).encode())
    for number, stream in enumerate(streams, 1):
        os.dup2(stream, number)
        os.close(stream)
    os.environ.clear()
    os.environ.update(order["environment"])
    os.umask(order["umask"])
    for limit, (soft, _) in zip(_LIMITS, order["limits"], strict=True):
        resource.setrlimit(limit, (soft, resource.getrlimit(limit)[1]))
    sys.stdout, sys.stderr = (open(number, "w", encoding="utf-8", closefd=False) for number in (1, 2))  # noqa: SIM115
    if order["edge"]:
        import_module("tests.proofs.killed").arm(order["edge"])
    return int(import_module("flows.cli").main(order["arguments"]))


def _end(status: int) -> NoReturn:
    """End as an interpreter ends, but for clearing away modules one by one, which takes as long as a short command."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status)


def _preload() -> None:
    """Import what commands import, as they do, without starting a thread: a process that has some must not fork."""
    from flows.process import prepare_process

    prepare_process()
    for folder in ("schemas", "warehouse", "flows/commands", "flows/pipeline", "flows/reading", "flows/sources"):
        for path in sorted((_ROOT / folder).rglob("*.py")):
            name = ".".join(path.relative_to(_ROOT).with_suffix("").parts)
            if not {"__init__", "serve", "ducklake_writer"} & set(name.split(".")):
                import_module(name)
    from schemas.urls import facts

    facts("https://www.example.com/")  # reads the list of public suffixes
    gc.collect()
    gc.freeze()


if __name__ == "__main__":
    _preload()
    _end(_serve(socket.socket(fileno=int(sys.argv[1]))))
