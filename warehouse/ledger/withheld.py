"""What of a batch speaks of an article that was taken down, and is not taken in.

Its mentions are left out, with the entries, the URLs that no other entry declares and the bytes of the documents; and
it is told neither as a problem, which quotes the text that it is about, nor as a new field, which can be a name. What a
document says of other articles is taken in as before. So no other place has to know of takedowns.
"""

import re
from collections.abc import Collection, Iterator
from json import loads
from typing import NamedTuple

import pyarrow as pa

from schemas.batches import ReadBatch
from schemas.packs import Pack, Slice
from warehouse.ledger.packs import repacked
from warehouse.ledger.tombstones import tombstone_of

PURGED = "purged"
"""The outcome of a document whose own article was taken down."""


def without_taken_down(batch: ReadBatch, documents: pa.Table, tombstones: frozenset[str]) -> ReadBatch:
    """Return a batch without what speaks of an article that was taken down.

    In: the batch; its documents, with what was settled of them since; the tombstones of URLs.
    """
    doomed = doomed_entries(batch, tombstones)
    slices, packs = _bytes_of(batch, doomed, is_strict=bool(tombstones))
    documents = without_purged(documents, batch.mentions, doomed)
    return ReadBatch(
        documents,
        slices,
        packs,
        *said_of_others(batch, doomed),
        problems_told(batch, documents, doomed),
        _drift_told(batch, documents, doomed),
    )


class Said(NamedTuple):
    """What a batch says, without what was taken down."""

    mentions: pa.Table
    entries: pa.Table
    urls: pa.Table


def said_of_others(batch: ReadBatch, doomed: frozenset[int]) -> Said:
    """Return the batch's mentions, entries and URLs without those of the doomed entries."""
    mentions, entries = _rows_not_in(batch.mentions, doomed), _rows_not_in(batch.entries, doomed)
    return Said(mentions, entries, _urls_of(batch, entries, doomed))


def doomed_entries(batch: ReadBatch, tombstones: frozenset[str]) -> frozenset[int]:
    """Return the ids of the batch's entries that speak of an article that was taken down."""
    if not tombstones:
        return frozenset()
    purged = {
        url["url_raw"]
        for url in batch.urls.select(["url_raw", "url_key"]).to_pylist()
        if not tombstones.isdisjoint(tombstone_of(url[name]) for name in ("url_key", "url_raw"))
    }
    entries = batch.entries.select(["entry_id", "web_url", "original_url"]).to_pylist()
    return frozenset(
        entry["entry_id"]
        for entry in entries
        if (entry["original_url"] if entry["web_url"] is None else entry["web_url"]) in purged
    )


def _urls_of(batch: ReadBatch, entries: pa.Table, doomed: frozenset[int]) -> pa.Table:
    """Return the batch's URLs; where something was purged, only those that an entry that is left declares."""
    if not doomed:
        return batch.urls
    declared = {entry[name] for entry in entries.select(list(_URL_FIELDS)).to_pylist() for name in _URL_FIELDS}
    return batch.urls.filter([url in declared for url in batch.urls.column("url_raw").to_pylist()])


_URL_FIELDS = ("web_url", "original_url", "amp_url", "amp_cache_url")


def _rows_not_in(table: pa.Table, doomed: frozenset[int]) -> pa.Table:
    if not doomed:
        return table
    return table.filter([entry_id not in doomed for entry_id in table.column("entry_id").to_pylist()])


def without_purged(documents: pa.Table, mentions: pa.Table, doomed: frozenset[int]) -> pa.Table:
    """Return the documents, as `purged` those whose own article was taken down."""
    if not doomed:
        return documents
    owned = {row["ref"] for row in mentions.to_pylist() if row["entry_id"] in doomed and row["position"] == 0}
    rows = documents.to_pylist()
    for row in rows:
        row["outcome"] = PURGED if row["ref"] in owned else row["outcome"]
    return pa.Table.from_pylist(rows, schema=documents.schema)


def _bytes_of(batch: ReadBatch, doomed: frozenset[int], *, is_strict: bool) -> tuple[pa.Table, pa.Table]:
    """Return the batch's slices and packs, without the bytes of documents that speak of a purged article.

    `is_strict`, after any takedown: nor of those with problems, as what was not accepted may speak of anything.
    """
    tainted = {row["ref"] for row in batch.mentions.to_pylist() if row["entry_id"] in doomed} if doomed else set()
    tainted |= _with_problems(batch) if is_strict else set()
    if not tainted:
        return batch.slices, batch.packs
    documents = batch.documents.select(["ref", "byte_digest"]).to_pylist()
    unkept = {row["byte_digest"] for row in documents if row["ref"] in tainted}
    kept = [Slice(**row) for row in batch.slices.to_pylist() if row["byte_digest"] not in unkept]
    return repacked([Pack(*row.values()) for row in batch.packs.to_pylist()], kept)


def _with_problems(batch: ReadBatch) -> set[int]:
    """Return the references in which something was not accepted; a notice refuses nothing."""
    rows = batch.problems.select(["ref", "scope"]).to_pylist()
    return {row["ref"] for row in rows if row["scope"] != "notice"}


def problems_told(batch: ReadBatch, documents: pa.Table, doomed: Collection[int]) -> pa.Table:
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


def _drift_told(batch: ReadBatch, documents: pa.Table, doomed: Collection[int]) -> pa.Table:
    """Return the batch's unknown fields, each with the first document that has it in what may be told."""
    if not doomed:
        return batch.drift
    first = dict(_fields(batch, _purged(documents), doomed))
    rows = [{"field": name, "ref": first[name]} for name in batch.drift.column("field").to_pylist() if name in first]
    return pa.Table.from_pylist(rows, schema=batch.drift.schema)


def _purged(documents: pa.Table) -> set[int]:
    rows = documents.select(["ref", "outcome"]).to_pylist()
    return {row["ref"] for row in rows if row["outcome"] == PURGED}


def _fields(batch: ReadBatch, purged: Collection[int], doomed: Collection[int]) -> Iterator[tuple[str, int]]:
    """Yield field and document, the last first, so that a dictionary of them keeps the first document of each."""
    told = {row["entry_id"]: row["unknown"] for row in batch.entries.select(["entry_id", "unknown"]).to_pylist()}
    for row in reversed(batch.mentions.to_pylist()):
        unknown = told.get(row["entry_id"])
        if unknown is not None and row["ref"] not in purged and row["entry_id"] not in doomed:
            prefix = "related[]." if row["position"] else ""
            for path in loads(unknown):
                yield prefix + _PLACE.sub("[]", path), row["ref"]


_PLACE = re.compile(r"\[[0-9]+\]")
