"""Reading on Dask's workers: batches out by a bounded window, Arrow back in a fixed order.

Dask does what it is good at: it hands batches to whichever worker is free, gives those of a lost worker to another,
and takes in workers that come. Nothing of that reaches the result, as batches are cut and taken in the order of their
references. At most AHEAD batches for each thread are out, and each is let go as soon as it is taken, so that neither
the scheduler's memory nor the workers' grows with the corpus.

A worker that does not see what this machine sees must not make documents vanish: what is missing or unreadable there
is looked at again here, and where whole batches contradict this machine the run fails.

The cluster is one that is there, by its address, or the run's own on this machine. That one is on loopback and under
TLS with keys made for it alone, kept in memory: a Dask scheduler runs whatever it is sent, so without them any user of
the machine could run code as this one. It has no dashboard; the small HTTP servers that Dask always starts get no
routes. Its processes end with the run, or with their parent.
"""

import logging
import signal
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import datetime
from importlib.metadata import version
from itertools import chain
from multiprocessing.resource_tracker import ensure_running
from pickle import UnpicklingError
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, NamedTuple

import dask
from distributed import Client, Future, KilledWorker, LocalCluster
from distributed.client import FutureCancelledError
from distributed.comm.core import CommClosedError
from distributed.security import Security

from flows.readers.choice import Engine
from flows.readers.cutting import batches, lanes, read_here, sizes_of, weight_of
from flows.readers.dask_worker import Answer, pack, read_on_worker, versions_here
from flows.readers.local import Readers
from flows.reading.read import read_batch
from flows.sources.files import forget_stores, read_files
from flows.sources.scan import FileRef, absolute
from schemas.batches import ReadBatch
from schemas.errors import NewsmartError, RunFailed, TransientFailure
from schemas.text import counted
from warehouse import interrupts

AHEAD = 2
LANES_PER_THREAD = 4
# From what weight on a cluster of our own, which takes five seconds to open, is opened at all.
_WORTH_CLUSTER = 60_000_000
# A batch with fewer suspects than this may be one that other machines do not see yet (NFS keeps names for seconds).
MANY = 10
LOOK_SECONDS = 5.0
NO_WORKER_SECONDS = 60.0

HOST = "127.0.0.1"
PACKAGE = "newsmart"
CONNECT_SECONDS = 10.0
WORKER_SECONDS = 30.0
CHECK_SECONDS = 5.0
CLIENT_OPTIONS: dict[str, Any] = {"timeout": CONNECT_SECONDS, "set_as_default": False}
QUIET: dict[str, Any] = {
    "distributed.scheduler.http.routes": [],
    "distributed.worker.http.routes": [],
    "distributed.comm.timeouts.connect": CONNECT_SECONDS,
}


class Pending(NamedTuple):
    """A batch that is out: how to wait for it, and Dask's own future, to cancel."""

    result: Callable[[float], Answer]
    future: "Future[Answer]"


class Cluster(NamedTuple):
    """A cluster that is open: Dask's client, and what hands out a batch without waiting."""

    client: Client
    submit: Callable[[bytes], Pending]


@contextmanager
def direct_cluster(engine: Engine, processes: int) -> Iterator[Cluster]:
    """Open the engine's cluster for a run without Prefect. Raises TransientFailure where it is not there."""
    with (
        cluster_target(engine, processes) as target,
        connected(engine, lambda: Client(target, **CLIENT_OPTIONS)) as client,
    ):

        def submit(message: bytes) -> Pending:
            future = client.submit(read_on_worker, versions_here(), message, pure=False)
            return Pending(future.result, future)

        yield Cluster(client, submit)


@contextmanager
def connected(engine: Engine, connect: Callable[[], Client]) -> Iterator[Client]:
    """Yield the client that `connect` makes, once there is a worker. Raises TransientFailure where there is none."""
    where = engine.address or "of this run"
    todo = "check that it runs and can be reached from here"
    try:
        client = connect()
    except (OSError, TimeoutError, CommClosedError):
        raise TransientFailure("no Dask scheduler answers", where=where, todo=todo) from None
    except (TypeError, ValueError) as error:
        todo = "see distributed.comm.tls in Dask's configuration"
        raise RunFailed("cannot speak to the Dask scheduler", where=f"{where}: {error}", todo=todo) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKER_SECONDS)
        except TimeoutError:
            raise TransientFailure("the Dask scheduler has no worker", where=where, todo="start workers") from None
        check_workers(client)
        yield client


def check_workers(client: Client) -> None:
    """Raise RunFailed where a worker has no newsmart: it would end itself at the first batch, without a word to us.

    Asked by a function that is there without newsmart. A worker that is busy, or comes later, is not waited for.
    """
    asked = {
        client.submit(version, PACKAGE, workers=[worker], allow_other_workers=False, pure=False): worker
        for worker in client.nthreads()
    }
    deadline = monotonic() + CHECK_SECONDS
    bare = []
    for future, worker in asked.items():
        with suppress(TimeoutError):
            if future.exception(timeout=max(0.01, deadline - monotonic())) is not None:
                bare.append(worker)
    client.cancel(list(asked), force=True)
    if bare:
        todo = "install newsmart[dask] on scheduler and workers"
        raise RunFailed("a Dask worker has no newsmart", where=", ".join(sorted(bare)[:3]), todo=todo)


@contextmanager
def cluster_target(engine: Engine, processes: int) -> Iterator[str | LocalCluster]:
    """Yield what a client connects to: the address, or a cluster of so many processes that ends with the block."""
    with dask.config.set(QUIET):
        if engine.address:
            yield engine.address
            return
        with TemporaryDirectory(prefix="newsmart-dask-") as scratch, _own_cluster(processes, scratch) as cluster:
            yield cluster


@contextmanager
def _own_cluster(processes: int, scratch: str) -> Iterator[LocalCluster]:
    """Yield a cluster for this run alone. In: how many workers; a folder for what they spill.

    A signal that comes meanwhile waits, as half a cluster cannot be closed.
    """
    with ExitStack() as stack:
        with interrupts.deferred(), _sigint_blocked():
            cluster = LocalCluster(
                n_workers=processes,
                threads_per_worker=1,
                processes=True,
                host=HOST,
                protocol="tls",
                security=Security.temporary(),
                dashboard_address=f"{HOST}:0",
                worker_dashboard_address=f"{HOST}:0",
                local_directory=scratch,
                silence_logs=logging.CRITICAL,
                preload=["flows.readers.dask_worker"],
            )
            stack.enter_context(cluster)
        yield cluster


@contextmanager
def _sigint_blocked() -> Iterator[None]:
    """Block SIGINT for the threads and processes that start in the block, which inherit the mask.

    Ctrl-C on a terminal reaches Dask's workers as well, and each would write a traceback.
    """
    ensure_running()  # multiprocessing's tracker: the thread that starts it is left with SIGINT unblocked
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Out(NamedTuple):
    """A batch that is out, and what it is of."""

    pending: Pending
    refs: list[FileRef]
    first: int


class DaskReaders(Readers):
    """Reads with a cluster, which is opened when there is something to read and closed with the last batch."""

    def __init__(self, open_cluster: Callable[[], AbstractContextManager[Cluster]], *, is_own: bool) -> None:
        """In: what opens the cluster, and whether that starts one, which must pay. Nothing is started here."""
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
    """One pass over references."""

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
        if self._cluster.client.status != "running":
            raise _lost(CommClosedError("the connection is closed"))
        try:
            return sum(self._cluster.client.nthreads().values())
        except (OSError, TimeoutError, CommClosedError) as error:
            raise _lost(error) from None

    def _send(self, refs: list[FileRef], first: int) -> None:
        for_workers = [replace(ref, location=absolute(ref.location)) for ref in refs]
        self._out.append(_Out(self._cluster.submit(pack(for_workers, first, self._as_of)), refs, first))

    def _wait(self, out: _Out) -> Answer:
        idle_since: float | None = None
        while True:
            try:
                return out.pending.result(LOOK_SECONDS)
            except TimeoutError:
                idle_since = self._look(idle_since)
            except NewsmartError:
                raise
            except KilledWorker:
                todo = "look at the workers' logs; memory is what most often runs out"
                raise RunFailed(
                    "a batch ended every Dask worker that read it", where=_batch_name(out), todo=todo
                ) from None
            except (FutureCancelledError, CommClosedError, OSError) as error:
                raise _lost(error) from None
            except Exception as error:
                raise _failure(error, out) from error

    def _look(self, idle_since: float | None) -> float | None:
        """See whether there is a worker at all. Raises TransientFailure where there has been none for too long."""
        if self._threads():
            return None
        since = monotonic() if idle_since is None else idle_since
        if monotonic() - since > NO_WORKER_SECONDS:
            raise TransientFailure(f"no Dask worker for {NO_WORKER_SECONDS:g} s", todo="start workers and run again")
        return since

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
    """Return the numbers of the references that the worker could not read."""
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
    """Return what to raise for an error that came back in a batch's place."""
    cause = error.__cause__ if isinstance(error.__cause__, Exception) else error
    if isinstance(cause, ImportError | AttributeError | UnpicklingError):
        todo = "install the same newsmart[dask] on scheduler and workers"
        return RunFailed("a Dask scheduler or worker cannot load newsmart", where=_one_line(cause), todo=todo)
    return RunFailed(f"a batch failed on Dask: {_one_line(error)}", where=_batch_name(out))


def _lost(error: BaseException) -> TransientFailure:
    return TransientFailure("the Dask scheduler was lost", where=_one_line(error), todo="run again when it is back")


def _one_line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:300]
