"""A Dask cluster and what its workers do. It is one that is there, by its address, or a run's own on this machine.

The run's own is on loopback and under TLS with keys made for it alone, kept in memory: a Dask scheduler runs whatever
it is sent, so without them any user of the machine could run code as this one. It has no dashboard; the small HTTP
servers that Dask always starts get no routes. Its processes end with the run, or with their parent.

A worker reads a batch by the same function as everywhere, and refuses one of a run of another version. It may be
shared, so nothing of it is changed, except in a run's own cluster (`dask_setup`). Each of its threads keeps a memo
(worker.py), so a worker that joins late or starts again needs nothing from the run. Rejected: a plugin registered by
the client. It is broadcast to all workers without a time limit, and one that hangs would hold the run.
"""

import atexit
import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.metadata import PackageNotFoundError, version
from multiprocessing.resource_tracker import ensure_running
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, NamedTuple

import dask
import pyarrow as pa
from distributed import Client, Future, LocalCluster, Worker, get_worker, wait
from distributed.comm.core import CommClosedError
from distributed.security import Security

from flows.process import close_stderr, sigint_blocked
from flows.readers.worker import read_task
from flows.reading.read import read_batch, warm_up
from schemas.batches import RULES_VERSION
from schemas.errors import NewsmartError, RunFailed, TransientFailure
from schemas.urls import POLICY_VERSION
from warehouse import interrupts

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


class Answer(NamedTuple):
    """What came of a batch on a worker: streams, or an error of ours."""

    worker: str
    streams: list[pa.Buffer]
    error: NewsmartError | None = None


class Pending(NamedTuple):
    """A batch that is out: how to wait for it, and Dask's own future, to cancel."""

    result: Callable[[float], Answer]
    future: "Future[Answer]"


class Cluster(NamedTuple):
    """A cluster that is open: Dask's client, and what hands out a batch without waiting."""

    client: Client
    submit: Callable[[bytes], Pending]


@contextmanager
def direct_cluster(address: str, processes: int) -> Iterator[Cluster]:
    """Open a cluster for a run without Prefect. Raises TransientFailure where it is not there."""
    with (
        cluster_target(address, processes) as target,
        connected(address, lambda: Client(target, **CLIENT_OPTIONS)) as client,
    ):

        def submit(message: bytes) -> Pending:
            future = client.submit(read_on_worker, versions_here(), message, pure=False)
            return Pending(future.result, future)

        yield Cluster(client, submit)


@contextmanager
def connected(address: str, connect: Callable[[], Client]) -> Iterator[Client]:
    """Yield the client that `connect` makes, once there is a worker. Raises TransientFailure where there is none."""
    where = address or "of this run"
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
    # Cancelled where the scheduler is lost meanwhile, which the run then says.
    with client.as_current(), suppress(TimeoutError, CancelledError):
        wait(list(asked), CHECK_SECONDS)
    bare = sorted(worker for future, worker in asked.items() if future.status == "error")
    client.cancel(list(asked), force=True)
    if bare:
        todo = "install newsmart[dask] on scheduler and workers"
        raise RunFailed("a Dask worker has no newsmart", where=", ".join(bare[:3]), todo=todo)


@contextmanager
def cluster_target(address: str, processes: int) -> Iterator[str | LocalCluster]:
    """Yield what a client connects to: the address, or a cluster of so many processes that ends with the block."""
    with dask.config.set(QUIET):
        if address:
            yield address
            return
        with TemporaryDirectory(prefix="newsmart-dask-") as scratch, _own_cluster(processes, scratch) as cluster:
            yield cluster


@contextmanager
def _own_cluster(processes: int, scratch: str) -> Iterator[LocalCluster]:
    """Yield a cluster for this run alone. In: how many workers; a folder for what they spill.

    A signal that comes meanwhile waits, as half a cluster cannot be closed.
    """
    ensure_running()  # multiprocessing's tracker: the thread that starts it is left with SIGINT unblocked
    with ExitStack() as stack:
        with interrupts.deferred(), sigint_blocked():
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
                preload=[__name__],
            )
            stack.enter_context(cluster)
        yield cluster


def versions_here() -> str:
    """Say what must be the same where a batch is read and where it is taken in."""
    try:
        installed = version("newsmart")
    except PackageNotFoundError:
        installed = "not installed"
    tables = read_batch([], datetime.min)
    layout = sha256("\n".join(str(table.schema) for table in tables).encode()).hexdigest()[:8]
    return f"newsmart {installed}, rules {RULES_VERSION}, URL policy {POLICY_VERSION}, tables {layout}"


def read_on_worker(wanted: str, message: bytes) -> Answer:
    """Read a batch on this Dask worker. In: the versions wanted, the task. Raises nothing of ours."""
    worker = get_worker().address
    if (here := versions_here()) != wanted:
        todo = "install the same on both"
        return Answer(worker, [], RunFailed(f"the Dask worker {worker} has {here}, and the run {wanted}", todo=todo))
    error, streams = read_task(message, f"the Dask worker {worker}")
    return Answer(worker, streams, error)


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("hidden", name=fullname)


def dask_setup(_worker: Worker) -> None:
    """Prepare a worker of a run's own cluster, which loads this module first (a preload, in Dask's words).

    Such a process is ours alone: pandas, which pyarrow would import with its first array, is hidden (it takes longer
    than all the rest), what the first document would wait for is loaded, and DuckDB's binding, which comes with
    Prefect's context, is kept from writing about leaks at the end. `flows.process` comes too late here: Dask has numpy
    loaded by now, and with it pyarrow takes a None in sys.modules for pandas itself.
    """
    sys.meta_path.insert(0, _NoPandas())
    atexit.register(close_stderr)
    warm_up()
