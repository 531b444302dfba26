"""The tables of a batch: put together from what was read, and carried across a process border.

Between processes a batch travels as Arrow IPC streams: bytes that the other side reads in place. Pickled Python
objects would cost more than reading the documents did. Nothing of reading is imported here: a process that lets others
read needs none of it.
"""

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from schemas.batches import (
    DOCUMENTS,
    DRIFT,
    MENTIONS,
    PACKS,
    PROBLEMS,
    SLICES,
    URLS,
    table_of_rows,
)
from schemas.packs import Packer

if TYPE_CHECKING:
    from flows.reading.entries import Entry
    from flows.reading.validate import Verdict

    TableOf = Callable[[Sequence[Entry]], pa.Table]


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """The tables of one batch (schemas/batches.py)."""

    documents: pa.Table
    slices: pa.Table
    packs: pa.Table
    mentions: pa.Table
    entries: pa.Table
    urls: pa.Table
    problems: pa.Table
    drift: pa.Table

    def to_streams(self) -> list[bytes]:
        """Return each table as an Arrow IPC stream."""
        return [_to_stream(getattr(self, field.name)) for field in fields(self)]

    @classmethod
    def from_streams(cls, streams: Sequence[bytes]) -> "ReadBatch":
        """Return the batch that `to_streams` told of; the tables point into the bytes given."""
        return cls(*(pa.ipc.open_stream(stream).read_all() for stream in streams))


def _to_stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def batch_of(
    rows: Sequence[tuple[Any, ...]],
    verdicts: "Sequence[Verdict]",
    packer: Packer,
    first: int,
    table_of_entries: "TableOf",
) -> ReadBatch:
    """Return the tables of a batch.

    In: for each reference its row of DOCUMENTS and its verdict; the packed bytes; the first reference's number; how
    entries become a table.
    """
    packer.close()
    distinct = dict.fromkeys(chain.from_iterable(verdict.entries for verdict in verdicts))
    entries = list({entry.digest: entry for entry in distinct}.values())
    problems = [
        (number, *problem)
        for number, verdict in enumerate(verdicts, first)
        for problem in chain(verdict.problems, verdict.notices)
    ]
    return ReadBatch(
        table_of_rows(rows, DOCUMENTS),
        table_of_rows(packer.slices, SLICES),
        table_of_rows(packer.packs, PACKS),
        _mentions(verdicts, first),
        table_of_entries(entries),
        table_of_rows(list({url.url_raw: url for entry in entries for url in entry.urls or ()}.values()), URLS),
        table_of_rows(problems, PROBLEMS),
        _drift(verdicts if any(entry.drift for entry in entries) else (), first),
    )


def _mentions(verdicts: "Sequence[Verdict]", first: int) -> pa.Table:
    refs, positions, keys = array("i"), array("i"), array("q")
    for number, verdict in enumerate(verdicts, first):
        refs.extend([number] * len(verdict.entries))
        positions.extend(verdict.positions)
        keys.extend(map(attrgetter("entry_id"), verdict.entries))
    columns = [
        pa.Array.from_buffers(kind.type, len(refs), [None, pa.py_buffer(values)])
        for kind, values in zip(MENTIONS, (refs, positions, keys), strict=True)
    ]
    return pa.Table.from_arrays(columns, schema=MENTIONS)


def _drift(verdicts: "Sequence[Verdict]", first: int) -> pa.Table:
    found: dict[str, int] = {}
    for number, verdict in enumerate(verdicts, first):
        for position, entry in zip(verdict.positions, verdict.entries, strict=True):
            for name in entry.drift:
                found.setdefault(f"related[].{name}" if position else name, number)
    return table_of_rows(list(found.items()), DRIFT)
