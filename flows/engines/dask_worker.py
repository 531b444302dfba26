"""What runs on a Dask worker: one batch, read by the same function as everywhere.

A worker may be shared, so nothing of it is changed: no module hidden, no garbage collector tuned, no global set. It
keeps its memos in its own `extensions`, one for each thread that reads, since a memo is for one thread at a time, and
drops them when no batch has come for a while. They save work and change no result, so a worker that joins late or
starts again needs nothing from the run. Rejected: a plugin registered by the client. It is broadcast to all workers
without a time limit, and one that hangs would hold the run.

Every task carries the versions that make the result what it is; a worker of another version refuses it.
"""

import os
import pickle
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from distributed import Worker, get_worker

from flows.reading.blocks import Memo
from flows.reading.read import read_batch
from flows.sources.scan import FileRef
from schemas.batches import BATCH_SCHEMAS, RULES_VERSION, ReadBatch
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
    layout = sha256("\n".join(map(str, BATCH_SCHEMAS)).encode()).hexdigest()[:8]
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
        with _keeper(worker).memo(as_of) as memo:
            batch = read_batch(refs, as_of, memo, first)
    except NewsmartError as error:
        return Answer(worker.address, [], error=error)
    except Exception as error:  # noqa: BLE001 (told to the run, which raises)
        return Answer(worker.address, [], f"failed: {type(error).__name__}: {error}")
    if absent := absent_roots(refs, batch):
        return Answer(worker.address, [], f"has no folder {', '.join(absent)}; mount it there under the same path")
    return Answer(worker.address, batch.to_streams())


def absent_roots(refs: Sequence[FileRef], batch: ReadBatch) -> list[str]:
    """Return the sources' folders, of documents that vanished, that are not on this machine at all."""
    outcomes = batch.documents["outcome"].to_pylist()
    roots = {root_of(ref) for ref, outcome in zip(refs, outcomes, strict=True) if outcome == "vanished"}
    return sorted(root for root in roots if os.path.isabs(root) and not os.path.isdir(root))


def root_of(ref: FileRef) -> str:
    """Return where the reference's source lies."""
    return ref.location.removesuffix(ref.path)


def _keeper(worker: Worker) -> "MemoKeeper":
    keeper: MemoKeeper = worker.extensions.setdefault(EXTENSION, MemoKeeper())
    return keeper


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
