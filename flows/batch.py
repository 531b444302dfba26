"""The tables of a batch, and their way across a process border.

Between processes a batch travels as Arrow IPC streams: bytes that the other side reads in place. Pickled Python
objects would cost more than reading the documents did.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import chain
from operator import attrgetter
from typing import Any

import pyarrow as pa

from flows.entries import entry_table
from flows.identify import url_table
from flows.validate import Verdict
from schemas.batches import DOCUMENTS, DRIFT, MENTIONS, PROBLEMS, table_of_rows


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """The tables of one batch (schemas/batches.py)."""

    documents: pa.Table
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


def batch_of(rows: Sequence[tuple[Any, ...]], verdicts: Sequence[Verdict], first: int) -> ReadBatch:
    """Return the tables of a batch. In: for each reference its row of DOCUMENTS and its verdict; the first's number."""
    distinct = dict.fromkeys(chain.from_iterable(verdict.entries for verdict in verdicts))
    entries = {entry.digest: entry for entry in distinct}.values()
    problems = [(number, *problem) for number, verdict in enumerate(verdicts, first) for problem in verdict.problems]
    return ReadBatch(
        table_of_rows(rows, DOCUMENTS),
        _mentions(verdicts, first),
        entry_table(entries),
        url_table(url for entry in entries for url in entry.urls),
        table_of_rows(problems, PROBLEMS),
        _drift(verdicts if any(entry.drift for entry in entries) else (), first),
    )


def _mentions(verdicts: Sequence[Verdict], first: int) -> pa.Table:
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


def _drift(verdicts: Sequence[Verdict], first: int) -> pa.Table:
    found: dict[str, int] = {}
    for number, verdict in enumerate(verdicts, first):
        for position, entry in zip(verdict.positions, verdict.entries, strict=True):
            for name in entry.drift:
                found.setdefault(f"related[].{name}" if position else name, number)
    return table_of_rows(list(found.items()), DRIFT)
