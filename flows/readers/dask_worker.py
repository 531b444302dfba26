"""What runs on a Dask worker: one batch, read by the same function as everywhere.

A worker may be shared, so nothing of it is changed: no module hidden, no garbage collector tuned, no global set (except
in a run's own cluster, by `dask_setup`). Each of its threads keeps a memo (worker.py), which is bounded, saves work and
changes no result, so a worker that joins late or starts again needs nothing from the run. Rejected: a plugin registered
by the client. It is broadcast to all workers without a time limit, and one that hangs would hold the run.

Every task carries the versions that make the result what it is; a worker of another version refuses it.
"""

import atexit
import sys
from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import NamedTuple

import pyarrow as pa
from distributed import Worker, get_worker

from flows.process import close_stderr
from flows.readers.worker import read_task
from flows.reading.read import read_batch, warm_up
from schemas.batches import RULES_VERSION
from schemas.errors import NewsmartError, RunFailed
from schemas.urls import POLICY_VERSION


class Answer(NamedTuple):
    """What came of a batch on a worker: streams, or an error of ours."""

    worker: str
    streams: list[pa.Buffer]
    error: NewsmartError | None = None


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
