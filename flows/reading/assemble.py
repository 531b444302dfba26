"""Puts what was read of many documents together into the tables of a batch."""

from array import array
from collections.abc import Sequence
from itertools import chain
from operator import attrgetter
from typing import Any

import pyarrow as pa

from flows.reading.entries import entry_table
from flows.reading.identify import url_table
from flows.reading.validate import Verdict
from schemas.batches import DOCUMENTS, DRIFT, MENTIONS, PACKS, PROBLEMS, SLICES, ReadBatch, table_of_rows
from schemas.packs import Packer


def batch_of(rows: Sequence[tuple[Any, ...]], verdicts: Sequence[Verdict], packer: Packer, first: int) -> ReadBatch:
    """Return the tables of a batch.

    In: for each reference its row of DOCUMENTS and its verdict; the packed bytes; the first reference's number.
    """
    packer.close()
    distinct = dict.fromkeys(chain.from_iterable(verdict.entries for verdict in verdicts))
    entries = {entry.digest: entry for entry in distinct}.values()
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
