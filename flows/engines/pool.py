"""Reading many documents with several processes, in flat memory.

The documents are cut into as many runs of neighbours as there are processes, and each process keeps to its run:
neighbours in a source share their related entries, so each process reads a block once that scattered batches would
read in every process (on a real corpus, 64 % of the blocks against 76 %). A process has at most two batches waiting;
answers are taken in turn, so their order is the same in every run, and batches carry the numbers of their references.
"""

import pickle
from collections.abc import Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from flows.engines.reader_processes import AHEAD, Worker, end_workers, start_workers
from flows.sources.scan import FileRef, References

if TYPE_CHECKING:  # a process that has reading processes started first does not wait for Arrow
    from schemas.batches import ReadBatch

MAX_BATCH_BYTES = 16_000_000
MAX_BATCH_FILES = 1_000
# What a document costs beside its bytes, in bytes.
_DOCUMENT_WEIGHT = 15_000


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

    def __init__(self, workers: int) -> None:
        """Start the processes and do not wait for them."""
        self.workers = start_workers(workers)

    def __enter__(self) -> Self:
        """Return the pool."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the processes."""
        self.close()

    def close(self) -> None:
        """End the processes, whatever they are at."""
        end_workers(self.workers)

    def read_all(self, refs: Sequence[FileRef], as_of: datetime) -> Iterator["ReadBatch"]:
        """Read documents, batch by batch, in an order that is always the same.

        In: references; as_of, naive UTC. Out: batches, `ref` counted over all references. Raises TransientFailure where
        a process dies, RunFailed where one fails.
        """
        sizes = sizes_of(refs)
        spans = lanes(sizes, len(self.workers))
        turns = [
            _Lane(worker, refs, as_of, batches(sizes, span)) for worker, span in zip(self.workers, spans, strict=False)
        ]
        while turns:
            for lane in tuple(turns):
                batch = lane.next()
                if batch is None:
                    turns.remove(lane)
                else:
                    yield batch


class _Lane:
    """One process and the batches it is to read, a few sent ahead."""

    def __init__(self, worker: Worker, refs: Sequence[FileRef], as_of: datetime, spans: Iterator[Span]) -> None:
        self._worker, self._refs, self._as_of, self._spans = worker, refs, as_of, spans
        self._sent = 0
        for _ in range(AHEAD):
            self._send()

    def _send(self) -> None:
        span = next(self._spans, None)
        if span is not None:
            self._worker.send(pickle.dumps((list(self._refs[span.first : span.last]), span.first, self._as_of)))
            self._sent += 1

    def next(self) -> "ReadBatch | None":
        """Return the next batch, or None where all are read."""
        if not self._sent:
            return None
        from schemas.batches import ReadBatch

        answer = self._worker.receive()
        self._sent -= 1
        self._send()
        return ReadBatch.from_streams(answer)
