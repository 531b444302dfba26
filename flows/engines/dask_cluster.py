"""Opening a Dask cluster: one that is there, by its address, or one of the run's own on this machine.

The run's own cluster is on loopback and under TLS with keys made for it alone, kept in memory: a Dask scheduler runs
whatever it is sent, so without them any user of the machine could run code as this one. It has no dashboard; the
small HTTP servers that Dask always starts get no routes. Its processes end with the run, or with their parent.
"""

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing.resource_tracker import ensure_running
from tempfile import TemporaryDirectory
from threading import current_thread, main_thread
from time import monotonic
from typing import Any

import dask
from distributed import Client, LocalCluster
from distributed.comm.core import CommClosedError
from distributed.security import Security

from flows.engines.choice import Engine
from flows.engines.dask_readers import Cluster, Pending
from flows.engines.dask_worker import read_on_worker, versions_here
from schemas.errors import RunFailed, TransientFailure

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


@dataclass(frozen=True, slots=True)
class DirectCluster:
    """A cluster to which batches go straight, without Prefect."""

    client: Client

    def submit(self, message: bytes) -> Pending:
        """Hand out a batch."""
        future = self.client.submit(read_on_worker, tuple(versions_here()), message, pure=False)
        return Pending(future.result, future)


@contextmanager
def direct_cluster(engine: Engine, processes: int) -> Iterator[Cluster]:
    """Open the engine's cluster for a run without Prefect. Raises TransientFailure where it is not there."""
    with (
        cluster_target(engine, processes) as target,
        connected(engine, lambda: Client(target, **CLIENT_OPTIONS)) as client,
    ):
        yield DirectCluster(client)


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
    """Yield a cluster for this run alone. In: how many workers; a folder for what they spill."""
    with _interrupts_later() as interrupts:
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
            preload=["flows.engines.own_worker"],
        )
    with cluster:
        for number in interrupts:
            signal.raise_signal(number)
        yield cluster


@contextmanager
def _interrupts_later() -> Iterator[list[int]]:
    """Yield the signals to stop that come during the block, for the caller to raise: half a cluster cannot be closed.

    SIGINT is blocked too, for the threads that Dask starts and, as a mask is inherited, for its workers: Ctrl-C on a
    terminal reaches them as well, and each would write a traceback. Where it is ignored, it stays so.
    """
    interrupts: list[int] = []
    ensure_running()  # multiprocessing's tracker: the thread that starts it is left with SIGINT unblocked
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    noted = [number for number, handler in before.items() if current_thread() is main_thread() and callable(handler)]
    for number in noted:
        signal.signal(number, lambda number, frame: interrupts.append(number))
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield interrupts
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        for number in noted:
            signal.signal(number, before[number])
