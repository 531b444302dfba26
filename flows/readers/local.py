"""What reads a run's documents: this process, others on this machine where they pay, or a cluster.

A reading process takes a third of a second to import what it needs, so processes start as soon as a run can guess that
it will need them: in a first load before anything else, later when a scan has shown how much is new, while the scan is
compared with the ledger. A run that reads a few documents starts none.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

from flows.readers.pool import ReaderPool, read_here, sizes_of, weight_of
from flows.sources.scan import FileRef

if TYPE_CHECKING:  # a process that has reading processes started first does not wait for Arrow
    from schemas.batches import ReadBatch

# From what weight on processes that start early pay.
_WORTH_PROCESSES = 10_000_000


class Readers(ABC):
    """What reads documents for a run. It may read more than once, also after it was closed."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
    """Reads in this process, or with processes of this machine where that pays."""

    def __init__(self, processes: int) -> None:
        """In: how many processes may read; with one, it is always this one."""
        self._processes = processes
        self._pool: ReaderPool | None = None

    @property
    def has_started(self) -> bool:
        """Tell whether there are processes."""
        return self._pool is not None

    def expect(self, document_count: int, byte_count: int) -> None:
        """Start the processes where they pay, and do not wait for them."""
        is_worth_it = weight_of(document_count, byte_count) >= _WORTH_PROCESSES
        if self._pool is None and self._processes > 1 and is_worth_it:
            self._pool = ReaderPool(self._processes)

    def read_all(self, refs: Sequence[FileRef], as_of: datetime) -> Iterator["ReadBatch"]:
        """Read documents, as `Readers` says.

        Raises TransientFailure where a process dies, RunFailed where one fails; then others take their place.
        """
        if not len(refs):
            return  # without importing what reading needs
        sizes = sizes_of(refs)
        self.expect(len(sizes), sum(sizes))
        if self._pool is None:
            yield from read_here(refs, sizes, as_of)
            return
        try:
            yield from self._pool.read_all(refs, as_of)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the processes, whatever they are at."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()
