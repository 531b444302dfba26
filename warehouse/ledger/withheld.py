"""What of a batch speaks of an article that was taken down, and is told neither as a problem nor as a new field.

A problem quotes the text that it is about, and a field that no model knows can be a name. What a document says of other
articles is told as before.
"""

import re
from collections.abc import Collection, Iterator
from json import loads

import pyarrow as pa

from warehouse.ledger.batch import PURGED, Batch


def problems_told(batch: Batch, documents: pa.Table, doomed: Collection[int]) -> pa.Table:
    """Return the batch's problems, without those of purged documents and of mentions of what was taken down.

    In: the batch; its documents, those whose own article was taken down as `purged`; the ids of the doomed entries.
    """
    if not doomed:
        return batch.problems
    purged = _purged(documents)
    places = {(row["ref"], row["position"]) for row in batch.mentions.to_pylist() if row["entry_id"] in doomed}
    rows = batch.problems.select(["ref", "position"]).to_pylist()
    told = [row["ref"] not in purged and (row["ref"], row["position"]) not in places for row in rows]
    return batch.problems.filter(pa.array(told, pa.bool_()))


def drift_told(batch: Batch, documents: pa.Table, doomed: Collection[int]) -> pa.Table:
    """Return the batch's unknown fields, each with the first document that has it in what may be told."""
    if not doomed:
        return batch.drift
    first = dict(_fields(batch, _purged(documents), doomed))
    rows = [{"field": name, "ref": first[name]} for name in batch.drift.column("field").to_pylist() if name in first]
    return pa.Table.from_pylist(rows, schema=batch.drift.schema)


def _purged(documents: pa.Table) -> set[int]:
    rows = documents.select(["ref", "outcome"]).to_pylist()
    return {row["ref"] for row in rows if row["outcome"] == PURGED}


def _fields(batch: Batch, purged: Collection[int], doomed: Collection[int]) -> Iterator[tuple[str, int]]:
    """Yield field and document, the last first, so that a dictionary of them keeps the first document of each."""
    told = {row["entry_id"]: row["unknown"] for row in batch.entries.select(["entry_id", "unknown"]).to_pylist()}
    for row in reversed(batch.mentions.to_pylist()):
        unknown = told.get(row["entry_id"])
        if unknown is not None and row["ref"] not in purged and row["entry_id"] not in doomed:
            prefix = "related[]." if row["position"] else ""
            for path in loads(unknown):
                yield prefix + PLACE.sub("[]", path), row["ref"]


PLACE = re.compile(r"\[[0-9]+\]")
