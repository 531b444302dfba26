"""Reading many documents with several processes, in flat memory.

The documents are cut into as many runs of neighbours as there are processes, and each process keeps to its run:
neighbours in a source share their related entries, so each process reads a block once that scattered batches would
read in every process (on a real corpus, 64 % of the blocks against 76 %). A process has at most two batches waiting;
answers are taken in turn, so their order is the same in every run, and batches carry the numbers of their references.

Each process is asked over a socket. Where the system forks well (Linux), one program imports
what reading needs and then forks for the others: their imports cost as much as reading ten thousand blocks. The program
forks and this process never does: a fork of this one would hold the ledger's lock.

Rejected: a ProcessPoolExecutor on multiprocessing's forkserver. The server imports from the current folder, where a
user's `signal.py` may lie; each child imports the parent's main module again; its start waits for the server; and a
child that is at work does not end with its parent.
"""

import pickle
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, NamedTuple

from flows.sources.scan import FileRef, References
from schemas.errors import NewsmartError, RunFailed, TransientFailure

if TYPE_CHECKING:  # a process that has reading processes started first does not wait for Arrow
    from schemas.batches import ReadBatch

MAX_BATCH_BYTES = 16_000_000
MAX_BATCH_FILES = 1_000
AHEAD = 2
START = (
    "import sys; sys.path[:] = {path!r};"
    "import gc, signal; signal.signal(signal.SIGINT, signal.SIG_IGN); gc.disable();"
    "from flows.readers.worker import main; main({descriptors!r})"
)
# What a document costs beside its bytes, in bytes.
_DOCUMENT_WEIGHT = 15_000
_END_SECONDS = 2.0


class Span(NamedTuple):
    """A run of references: from first up to, without it, last."""

    first: int
    last: int


def sizes_of(refs: Sequence[FileRef]) -> list[int]:
    """Return the size of each document, in bytes."""
    return refs.sizes() if isinstance(refs, References) else [ref.size for ref in refs]


def weight_of(document_count: int, byte_count: int) -> int:
    """Return what documents cost to read, in bytes: theirs, and what each costs beside them."""
    return byte_count + _DOCUMENT_WEIGHT * document_count


def read_here(refs: Sequence[FileRef], sizes: Sequence[int], as_of: datetime) -> Iterator["ReadBatch"]:
    """Read documents in this process, in the order of their references. In: their sizes in bytes too."""
    # Not at the top: a process that lets others read starts without what reading needs.
    from flows.reading.blocks import Memo
    from flows.reading.read import read_batch
    from schemas.documents import bounds

    memo = Memo(bounds(as_of))
    for first, last in batches(sizes, Span(0, len(sizes))):
        yield read_batch(refs[first:last], as_of, memo, first)


def lanes(sizes: Sequence[int], count: int) -> list[Span]:
    """Cut references into at most `count` runs of neighbours of about the same weight."""
    total = weight_of(len(sizes), sum(sizes))
    done, first = 0, 0
    spans: list[Span] = []
    for number, size in enumerate(sizes, 1):
        done += size + _DOCUMENT_WEIGHT
        if done * count >= total * (len(spans) + 1) or number == len(sizes):
            spans.append(Span(first, number))
            first = number
    return spans


def batches(sizes: Sequence[int], lane: Span) -> Iterator[Span]:
    """Cut a run into batches by bytes and number of files."""
    first, held = lane.first, 0
    for number in range(*lane):
        if number > first and (held + sizes[number] > MAX_BATCH_BYTES or number - first >= MAX_BATCH_FILES):
            yield Span(first, number)
            first, held = number, 0
        held += sizes[number]
    if first < lane.last:
        yield Span(first, lane.last)


class ReaderPool:
    """Reading processes. They start, and import what they need, as soon as the pool is made; close ends them."""

    def __init__(self, processes: int) -> None:
        """Start the processes and do not wait for them."""
        pairs = [socket.socketpair() for _ in range(processes)]
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

    def read_all(self, refs: Sequence[FileRef], as_of: datetime) -> Iterator["ReadBatch"]:
        """Read documents, batch by batch, in an order that is always the same.

        In: references; as_of, naive UTC. Out: batches, `ref` counted over all references. Raises TransientFailure where
        a process dies, RunFailed where one fails.
        """
        from schemas.batches import ReadBatch

        sizes = sizes_of(refs)
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
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=descriptors)


class _Process:
    """A reading process: answers come in the order in which batches were asked for."""

    def __init__(self, channel: socket.socket, program: "subprocess.Popen[bytes]") -> None:
        """In: our end of its socket, and the program that it is or was forked by."""
        self.connection, self._program = Connection(channel.detach()), program

    def ask(self, refs: Sequence[FileRef], span: Span, as_of: datetime) -> None:
        """Have a batch read once those before it are. A process that has died is noticed when it is to answer."""
        with suppress(OSError):
            self.connection.send_bytes(pickle.dumps((list(refs[span.first : span.last]), span.first, as_of)))

    def answer(self) -> list[bytes]:
        """Wait for what the next batch gave."""
        try:
            failure, count = self.connection.recv()
            streams = [self.connection.recv_bytes() for _ in range(count)]
        except (EOFError, OSError):
            raise self._ended() from None
        if isinstance(failure, NewsmartError):
            raise failure
        if failure is not None:
            raise RunFailed(f"a reading process failed: {failure}")
        return streams

    def _ended(self) -> TransientFailure:
        with suppress(subprocess.TimeoutExpired):  # it may be another process, forked by the program
            self._program.wait(_END_SECONDS)
        status = self._program.returncode
        return TransientFailure(
            "a reading process ended" + (f" with status {status}" if status else ""), todo="run again"
        )
