"""Reading on Dask's workers: batches out by a bounded window, Arrow back in a fixed order.

Dask does what it is good at: it hands batches to whichever worker is free, gives those of a lost worker to another,
and takes in workers that come. Nothing of that reaches the result, as batches are cut and taken in the order of their
references. At most AHEAD batches for each thread are out, and each is let go as soon as it is taken, so that neither
the scheduler's memory nor the workers' grows with the corpus.

A worker that does not see what this machine sees must not make documents vanish: what is missing or unreadable there
is looked at again here, and where whole batches contradict this machine the run fails.
"""

from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import replace
from datetime import datetime
from itertools import chain
from pickle import UnpicklingError
from time import monotonic
from typing import NamedTuple

from distributed import KilledWorker
from distributed.client import FutureCancelledError
from distributed.comm.core import CommClosedError

from flows.readers.cutting import batches, lanes, pack, read_here, sizes_of, weight_of
from flows.readers.dask_cluster import Answer, Cluster, Pending
from flows.readers.local import Readers
from flows.reading.read import read_batch
from flows.sources.files import forget_stores, read_files
from flows.sources.scan import FileRef, absolute
from schemas.batches import ReadBatch
from schemas.errors import NewsmartError, RunFailed, TransientFailure
from schemas.text import counted

AHEAD = 2
LANES_PER_THREAD = 4
# From what weight on a cluster of our own, which takes five seconds to open, is opened at all.
_WORTH_CLUSTER = 60_000_000
# A batch with fewer suspects than this may be one that other machines do not see yet (NFS keeps names for seconds).
MANY = 10
LOOK_SECONDS = 5.0
NO_WORKER_SECONDS = 60.0


class _Out(NamedTuple):
    pending: Pending
    refs: list[FileRef]
    first: int


class DaskReaders(Readers):
    """Reads with a cluster, which is opened when there is something to read and closed with the last batch."""

    def __init__(self, open_cluster: Callable[[], AbstractContextManager[Cluster]], *, is_own: bool) -> None:
        """In: what opens the cluster, and whether that starts one, which must pay."""
        self._open_cluster, self._is_own = open_cluster, is_own
        self._stack = ExitStack()

    def expect(self, document_count: int, byte_count: int) -> None:
        """Start nothing: a cluster takes too long to open for a guess."""

    def close(self) -> None:
        """Cancel what is out and let the cluster go; one that the run started ends."""
        self._stack.close()
        forget_stores()

    def read_all(self, refs: Sequence[FileRef], as_of: datetime) -> Generator[ReadBatch]:
        """Read documents on the cluster; as `flows.readers.local.Readers`, batches in the order of their references.

        Raises TransientFailure where the scheduler is not there or no worker is; RunFailed where a batch fails, kills
        its workers, or meets a worker that has other versions or does not see the sources.
        """
        self.close()
        if not len(refs):
            return  # without a cluster, which need not be there
        sizes = sizes_of(refs)
        if self._is_own and weight_of(len(sizes), sum(sizes)) < _WORTH_CLUSTER:
            yield from read_here(refs, sizes, as_of)
            return
        with self._stack:
            reading = _Reading(self._stack.enter_context(self._open_cluster()), refs, sizes, as_of)
            self._stack.callback(reading.cancel)
            yield from reading.batches()


class _Reading:
    def __init__(self, cluster: Cluster, refs: Sequence[FileRef], sizes: Sequence[int], as_of: datetime) -> None:
        self._cluster, self._refs, self._sizes, self._as_of = cluster, refs, sizes, as_of
        self._out: deque[_Out] = deque()

    def batches(self) -> Iterator[ReadBatch]:
        """Yield all batches in order."""
        pieces = lanes(self._sizes, LANES_PER_THREAD * max(1, self._threads()))
        spans = chain.from_iterable(batches(self._sizes, piece) for piece in pieces)
        while True:
            while len(self._out) < AHEAD * max(1, self._threads()) and (span := next(spans, None)) is not None:
                self._send(list(self._refs[span.first : span.last]), span.first)
            if not self._out:
                return
            out = self._out[0]
            batch = self._checked(out, self._wait(out))
            self._out.popleft()
            out.pending.future.release()
            del out
            yield batch

    def cancel(self) -> None:
        """Take back what is out; a batch that a worker is at ends there by itself, and nobody takes it."""
        futures = [out.pending.future for out in self._out]
        self._out.clear()
        if futures and self._cluster.client.status == "running":
            with suppress(Exception):
                self._cluster.client.cancel(futures, force=True)

    def _threads(self) -> int:
        """Return the threads of all workers that are there now."""
        try:
            if self._cluster.client.status != "running":
                raise CommClosedError("the connection is closed")
            return sum(self._cluster.client.nthreads().values())
        except (OSError, TimeoutError, CommClosedError) as error:
            raise _lost(error) from None

    def _send(self, refs: list[FileRef], first: int) -> None:
        for_workers = [replace(ref, location=absolute(ref.location)) for ref in refs]
        self._out.append(_Out(self._cluster.submit(pack(for_workers, first, self._as_of)), refs, first))

    def _wait(self, out: _Out) -> Answer:
        seen_worker_at = monotonic()
        while True:
            try:
                return out.pending.result(LOOK_SECONDS)
            except TimeoutError:
                if self._threads():
                    seen_worker_at = monotonic()
                elif monotonic() - seen_worker_at > NO_WORKER_SECONDS:
                    what = f"no Dask worker for {NO_WORKER_SECONDS:g} s"
                    raise TransientFailure(what, todo="start workers and run again") from None
            except NewsmartError:
                raise
            except (FutureCancelledError, CommClosedError, OSError) as error:
                raise _lost(error) from None
            except Exception as error:
                raise _failure(error, out) from error

    def _checked(self, out: _Out, answer: Answer) -> ReadBatch:
        """Return the batch, read here where its worker saw less than is here.

        Raises what reading raised on purpose (a store that fails), RunFailed for a worker's flaw.
        """
        if answer.error is not None:
            raise answer.error
        batch = ReadBatch.from_streams(answer.streams)
        suspects = [out.refs[number - out.first] for number in _unread(batch)]
        if not any(file.data is not None for file in read_files(suspects)):
            return batch
        if folder := _hidden_folder(out.refs, suspects):
            todo = "mount it there, readable and under the same path"
            raise RunFailed(f"the Dask worker {answer.worker} does not see the documents", where=folder, todo=todo)
        return read_batch(out.refs, self._as_of, None, out.first)


def _unread(batch: ReadBatch) -> list[int]:
    outcomes = zip(*(batch.documents.column(name).to_pylist() for name in ("ref", "outcome")), strict=True)
    reasons = zip(*(batch.problems.column(name).to_pylist() for name in ("ref", "reason")), strict=True)
    vanished = {ref for ref, outcome in outcomes if outcome == "vanished"}
    return sorted(vanished | {ref for ref, reason in reasons if reason == "unreadable"})


def _hidden_folder(refs: Sequence[FileRef], suspects: Sequence[FileRef]) -> str | None:
    """Return the folder of a source of which the worker could read nothing, though the batch has many of it."""
    there, unread = (Counter(ref.location.removesuffix(ref.path) for ref in some) for some in (refs, suspects))
    return next((root for root, count in sorted(unread.items()) if MANY <= count == there[root]), None)


def _batch_name(out: _Out) -> str:
    first = out.refs[0]
    return f"{counted(len(out.refs), 'document')} from {first.source}/{first.path} on"


def _failure(error: Exception, out: _Out) -> RunFailed:
    if isinstance(error, KilledWorker):
        todo = "look at the workers' logs; memory is what most often runs out"
        return RunFailed("a batch ended every Dask worker that read it", where=_batch_name(out), todo=todo)
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(cause, ImportError | AttributeError | UnpicklingError):
        todo = "install the same newsmart[dask] on scheduler and workers"
        return RunFailed("a Dask scheduler or worker cannot load newsmart", where=_one_line(cause), todo=todo)
    return RunFailed(f"a batch failed on Dask: {_one_line(error)}", where=_batch_name(out))


def _lost(error: BaseException) -> TransientFailure:
    return TransientFailure("the Dask scheduler was lost", where=_one_line(error), todo="run again when it is back")


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
