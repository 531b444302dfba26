"""What runs on a Dask worker: one batch, read by the same function as everywhere.

A worker may be shared, so nothing of it is changed: no module hidden, no garbage collector tuned, no global set (except
in a run's own cluster, by `dask_setup`). It keeps its memos in its own `extensions`, one for each thread that reads,
since a memo is for one thread at a time, and drops them when no batch has come for a while. They save work and change
no result, so a worker that joins late or starts again needs nothing from the run. Rejected: a plugin registered by the
client. It is broadcast to all workers without a time limit, and one that hangs would hold the run.

Every task carries the versions that make the result what it is; a worker of another version refuses it.
"""

import atexit
import pickle
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from importlib.abc import MetaPathFinder
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import NamedTuple

from distributed import Worker, get_worker

from flows.reading.blocks import Memo
from flows.reading.read import read_batch, warm_up
from flows.sources.scan import FileRef
from flows.streams import close_stderr
from schemas.batches import RULES_VERSION
from schemas.documents import bounds
from schemas.errors import NewsmartError
from schemas.urls import POLICY_VERSION

EXTENSION = "newsmart"
IDLE_SECONDS = 60.0


class Versions(NamedTuple):
    """What must be the same where a batch is read and where it is taken in."""

    newsmart: str
    rules: int
    policy: int
    layout: str

    def __str__(self) -> str:
        """Return them as words."""
        return f"newsmart {self.newsmart}, rules {self.rules}, URL policy {self.policy}, tables {self.layout}"


class Answer(NamedTuple):
    """What came of a batch: streams, or what is wrong: a line about that worker, or an error of ours."""

    worker: str
    streams: list[bytes]
    trouble: str = ""
    error: NewsmartError | None = None


def versions_here() -> Versions:
    """Return the versions of this installation."""
    try:
        installed = version("newsmart")
    except PackageNotFoundError:
        installed = "not installed"
    tables = read_batch([], datetime.min)
    layout = sha256("\n".join(str(table.schema) for table in tables).encode()).hexdigest()[:8]
    return Versions(installed, RULES_VERSION, POLICY_VERSION, layout)


def pack(refs: Sequence[FileRef], first: int, as_of: datetime) -> bytes:
    """Return a batch's task as bytes: opaque to Dask and to Prefect, which would else look through every reference."""
    return pickle.dumps((list(refs), first, as_of), protocol=pickle.HIGHEST_PROTOCOL)


def read_on_worker(wanted: tuple[str, int, int, str], message: bytes) -> Answer:
    """Read a batch on this Dask worker. In: the versions wanted, the task of `pack`. Raises nothing of ours."""
    worker = get_worker()
    if versions_here() != wanted:
        told = f"has {versions_here()}, and the run {Versions(*wanted)}; install the same on both"
        return Answer(worker.address, [], told)
    refs, first, as_of = pickle.loads(message)
    try:
        keeper: MemoKeeper = worker.extensions.setdefault(EXTENSION, MemoKeeper())
        with keeper.memo(as_of) as memo:
            batch = read_batch(refs, as_of, memo, first)
    except NewsmartError as error:
        return Answer(worker.address, [], error=error)
    except Exception as error:  # noqa: BLE001 (told to the run, which raises)
        return Answer(worker.address, [], f"failed: {type(error).__name__}: {error}")
    return Answer(worker.address, batch.to_streams())


class MemoKeeper:
    """The memos of one worker: of one as-of, as many as batches were read at once."""

    def __init__(self, idle_seconds: float = IDLE_SECONDS) -> None:
        """Start empty; memos are dropped when no batch came for so long."""
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._free: list[Memo] = []
        self._timer: threading.Timer | None = None

    @property
    def held(self) -> int:
        """Return how many memos are kept for the next batch."""
        return len(self._free)

    @contextmanager
    def memo(self, as_of: datetime) -> Iterator[Memo]:
        """Lend a memo of this as-of; those of another as-of are dropped."""
        context = bounds(as_of)
        with self._lock:
            self._free = [memo for memo in self._free if memo.context == context]
            memo = self._free.pop() if self._free else Memo(context)
        yield memo
        with self._lock:
            self._free.append(memo)
            if self._timer is not None:
                self._timer.cancel()
            self._timer = threading.Timer(self._idle_seconds, self._drop)
            self._timer.daemon = True
            self._timer.start()

    def _drop(self) -> None:
        with self._lock:
            self._free = []


class _NoPandas(MetaPathFinder):
    """Makes an import of pandas fail as if it were not installed."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if fullname == "pandas":
            raise ModuleNotFoundError("hidden", name=fullname)


def dask_setup(_worker: Worker) -> None:
    """Prepare a worker of a run's own cluster, which loads this module first (a preload, in Dask's words).

    Such a process is ours alone: pandas, which pyarrow would import with its first array, is hidden (it takes longer
    than all the rest), what the first document would wait for is loaded, and DuckDB's binding, which comes with
    Prefect's context, is kept from writing about leaks at the end. `flows.startup` comes too late here: Dask has numpy
    loaded by now, and with it pyarrow takes a None in sys.modules for pandas itself.
    """
    sys.meta_path.insert(0, _NoPandas())
    atexit.register(close_stderr)
    warm_up()
