"""How references are cut into what is read together: lanes of neighbours, and batches of bounded size.

Neighbours in a source share their related entries, so a lane of them reads a block once that scattered batches would
read in every process (on a real corpus, 64 % of the blocks against 76 %).
"""

import pickle
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from flows.sources.scan import FileRef, References

if TYPE_CHECKING:  # a process that has reading processes started first does not wait for Arrow
    from schemas.batches import ReadBatch

# Recording passes over all known keys once a batch, so a large load is cut into a hundred of them, until they are as
# large as a reading process has memory for (a batch of 2,500 takes 60 MB more than one of 1,000). The memory in which
# batches are recorded grows with the documents too (warehouse/ledger/locked.py): it has to hold a batch six times.
LEAST_BATCH_FILES, MAX_BATCH_FILES, BATCHES = 1_000, 2_500, 100
BYTES_A_FILE, MAX_BATCH_BYTES = 10_000, 16_000_000
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
    """Cut a run of references into batches, by bytes and number of files. In: the sizes of all references."""
    most = min(max(LEAST_BATCH_FILES, len(sizes) // BATCHES), MAX_BATCH_FILES)
    most_bytes = min(most * BYTES_A_FILE, MAX_BATCH_BYTES)
    first, held = lane.first, 0
    for number in range(*lane):
        if number > first and (held + sizes[number] > most_bytes or number - first >= most):
            yield Span(first, number)
            first, held = number, 0
        held += sizes[number]
    if first < lane.last:
        yield Span(first, lane.last)


def pack(refs: Sequence[FileRef], first: int, as_of: datetime) -> bytes:
    """Return the task to read a batch elsewhere, as bytes: Dask and Prefect would else look through every reference."""
    return pickle.dumps((list(refs), first, as_of), protocol=pickle.HIGHEST_PROTOCOL)


def read_here(refs: Sequence[FileRef], sizes: Sequence[int], as_of: datetime) -> Iterator["ReadBatch"]:
    """Read documents in this process, in the order of their references. In: their sizes in bytes too."""
    # Not at the top: a process that lets others read starts without what reading needs.
    from flows.reading.blocks import Memo
    from flows.reading.read import read_batch
    from schemas.documents import bounds

    memo = Memo(bounds(as_of))
    for first, last in batches(sizes, Span(0, len(sizes))):
        yield read_batch(refs[first:last], as_of, memo, first)
