"""What reads a run's documents: this process, or others of this machine where they pay. Dask is in dask_readers.py.

A reading process takes a third of a second to import what it needs, so processes start as soon as a run can guess that
it will need them: in a first load before anything else, later when a scan has shown how much is new. A run that reads a
few documents starts none.

Each process keeps to one lane (cutting.py), is asked over a socket, and has at most two batches waiting. Answers are
taken in turn, so their order is the same in every run. Where the system forks well (Linux), one program imports what
reading needs and then forks for the others: their imports cost as much as reading ten thousand blocks. This process
never forks: its copy would hold the ledger's lock.

Rejected: a ProcessPoolExecutor on multiprocessing's forkserver. The server imports from the current folder, where a
user's `signal.py` may lie; each child imports the parent's main module again; its start waits for the server; and a
child that is at work does not end with its parent.
"""

import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Self

from flows.process import sigint_blocked
from flows.readers.cutting import Span, batches, lanes, pack, read_here, sizes_of, weight_of
from flows.sources.files import forget_stores
from flows.sources.scan import FileRef
from schemas.errors import TransientFailure

if TYPE_CHECKING:  # a process that has reading processes started first does not wait for Arrow
    from schemas.batches import ReadBatch

AHEAD = 2
START = (
    "import sys; sys.path[:] = {path!r};"
    "import gc; gc.disable();"
    "from flows.process import prepare_process; prepare_process();"
    "from flows.readers.worker import main; main({descriptors!r})"
)
# From what weight on processes that start early pay.
_WORTH_PROCESSES = 10_000_000
_END_SECONDS = 2.0


class Readers(ABC):
    """What reads documents for a run. It may read more than once, also after it was closed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def expect(self, document_count: int, byte_count: int) -> None:
        """Hint how much reading is coming, so that workers can start early. May be ignored."""

    @abstractmethod
    def read_all(self, refs: Sequence[FileRef], as_of: datetime) -> Iterator["ReadBatch"]:
        """Read documents, batch by batch, in an order that is always the same.

        In: references; as_of, naive UTC. Out: batches, `ref` counted over all references.
        """

    @abstractmethod
    def close(self) -> None:
        """End what reading started: processes, or a cluster."""


class LocalReaders(Readers):
    """Reads in this process, or with so many processes of this machine where that pays."""

    def __init__(self, processes: int) -> None:
        self._count = processes
        self.programs: list[subprocess.Popen[bytes]] = []
        self._processes: list[_Process] = []

    @property
    def has_started(self) -> bool:
        """Tell whether there are processes."""
        return bool(self._processes)

    def expect(self, document_count: int, byte_count: int) -> None:
        """Start the processes where they pay."""
        if self._count > 1 and weight_of(document_count, byte_count) >= _WORTH_PROCESSES:
            self.start()

    def start(self) -> None:
        """Start the processes, which import what they need, and do not wait for them. No-op while there are some."""
        if self.has_started:
            return
        pairs = [socket.socketpair() for _ in range(self._count)]
        groups = [pairs] if sys.platform == "linux" else [[pair] for pair in pairs]
        self.programs = [_start_program([theirs.fileno() for _, theirs in group]) for group in groups]
        self._processes = [
            _Process(ours, program) for program, group in zip(self.programs, groups, strict=True) for ours, _ in group
        ]
        for _, theirs in pairs:
            theirs.close()

    def close(self) -> None:
        """End the processes, whatever they are at."""
        for process in self._processes:
            process.connection.close()
        for program in self.programs:
            with suppress(subprocess.TimeoutExpired):
                program.wait(_END_SECONDS)
            program.kill()
            program.wait()
        self._processes = []
        forget_stores()

    def read_all(self, refs: Sequence[FileRef], as_of: datetime) -> Iterator["ReadBatch"]:
        """Read documents, as `Readers` says.

        Raises TransientFailure where a process dies, RunFailed where one fails; then others take their place.
        """
        if not len(refs):
            return  # without importing what reading needs
        sizes = sizes_of(refs)
        self.expect(len(sizes), sum(sizes))
        if not self.has_started:
            yield from read_here(refs, sizes, as_of)
            return
        try:
            yield from self._read_there(refs, sizes, as_of)
        except BaseException:
            self.close()
            raise

    def _read_there(self, refs: Sequence[FileRef], sizes: Sequence[int], as_of: datetime) -> Iterator["ReadBatch"]:
        from schemas.batches import ReadBatch

        lanes_of_all = [batches(sizes, lane) for lane in lanes(sizes, len(self._processes))]
        turns = deque[tuple[_Process, Iterator[Span]]]()
        for _ in range(AHEAD):
            for process, spans in zip(self._processes, lanes_of_all, strict=False):
                if (span := next(spans, None)) is not None:
                    process.ask(refs, span, as_of)
                    turns.append((process, spans))
        while turns:
            process, spans = turns.popleft()
            answer = process.answer()
            if (span := next(spans, None)) is not None:
                process.ask(refs, span, as_of)
                turns.append((process, spans))
            yield ReadBatch.from_streams(answer)


def _start_program(descriptors: list[int]) -> "subprocess.Popen[bytes]":
    # -P keeps the current folder off the module path, where a user's `signal.py` would be imported.
    command = [sys.executable, "-P", "-c", START.format(path=sys.path, descriptors=descriptors)]
    with sigint_blocked():
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=descriptors)


class _Process:
    """A reading process, by our end of its socket and the program that it is or was forked by.

    Answers come in the order in which batches were asked for.
    """

    def __init__(self, channel: socket.socket, program: "subprocess.Popen[bytes]") -> None:
        self.connection, self._program = Connection(channel.detach()), program

    def ask(self, refs: Sequence[FileRef], span: Span, as_of: datetime) -> None:
        """Have a batch read once those before it are. A process that has died is noticed when it is to answer."""
        with suppress(OSError):
            self.connection.send_bytes(pack(refs[span.first : span.last], span.first, as_of))

    def answer(self) -> list[bytes]:
        """Wait for what the next batch gave."""
        try:
            error, count = self.connection.recv()
            streams = [self.connection.recv_bytes() for _ in range(count)]
        except (EOFError, OSError):
            raise self._ended() from None
        if error is not None:
            raise error
        return streams

    def _ended(self) -> TransientFailure:
        with suppress(subprocess.TimeoutExpired):  # it may be another process, forked by the program
            self._program.wait(_END_SECONDS)
        status = self._program.returncode
        return TransientFailure(
            "a reading process ended" + (f" with status {status}" if status else ""), todo="run again"
        )
