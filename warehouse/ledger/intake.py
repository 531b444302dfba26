"""Taking batches of read documents into the ledger: their bytes, contents, entries and URLs, as far as they are new.

A batch is Arrow and is joined in SQL, a statement a table; nothing goes row by row.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa

from schemas.batches import ReadBatch
from warehouse.ledger.feed import Feed
from warehouse.ledger.packs import store
from warehouse.ledger.tombstones import bytes_left, withhold
from warehouse.sql_files import execute_named, read_sql, run_script

# Each statement after the batch's table that it is about: where that has no row, there is nothing to do. What is known
# is joined by `anti join`, which hashes the batch and passes over the ledger's keys once; `not in` would hash them all.
TAKE_IN = (
    ("documents", "staged_document"),
    ("problems", "staged_problem"),
    ("documents", "staged_unstable"),
    ("slices", "new_bytes"),
    ("mentions", "new_content_entry"),
    ("documents", "new_content"),
    ("entries", "new_entry"),
    ("drift", "new_drift"),
)
FEW_BATCHES = 3


def take_in(feed: Feed, batch: ReadBatch, references: pa.Table, as_of: datetime) -> None:
    """Take a batch in: bytes, contents, entries and URLs that are new, and, in scratch tables, what was found.

    In: the feed of the ledger's connection, one for all batches of a transaction; the batch; all files to read, which
    its `ref` counts from 0. Batches may come in any order.
    """
    connection = feed.connection
    feed.give({**batch._asdict(), "documents": with_accepted_digest(batch, references)})
    if withhold(feed):
        slices, packs = bytes_left(feed, batch)
        batch = batch._replace(slices=slices, packs=packs)
        feed.give({"slices": slices, "packs": packs})
    for source, statement in TAKE_IN:
        if getattr(batch, source).num_rows:
            execute_named(connection, read_sql("ledger", statement), {"as_of": as_of})
    if batch.urls.num_rows:
        _take_in_urls(feed)
    if batch.packs.num_rows:
        store(connection)


def _take_in_urls(feed: Feed) -> None:
    """Take in the URLs of the batch that the ledger does not hold.

    The first batches are compared with the spellings themselves, which are all read for it. Doing so for each batch
    made large loads slower than linear, so for further ones digests of the spellings are laid out, which takes as long
    as three comparisons.
    """
    if feed.rounds <= FEW_BATCHES:
        feed.connection.execute(read_sql("ledger", "new_url"))
    else:
        run_script(feed.connection, "ledger", "new_urls_by_digest", {"secret": feed.secret})


def with_accepted_digest(batch: ReadBatch, references: pa.Table) -> pa.Table:
    """Return the batch's documents with their ids, and with digests that tell which related entries were accepted.

    Whether an entry is accepted can depend on the as-of (a date too far ahead is one later), so a document whose bytes
    stay can come to say more. Its content is then another, and it gets a version.
    """
    documents = batch.documents
    refs = documents.column("ref")
    here = _references_of(refs, references)
    for name in ("document_id", "source", "path"):
        documents = documents.append_column(name, here.column(name))
    rejected = _rejected_positions(batch.problems)
    if not rejected:
        return documents
    digests = [
        sha256(digest + repr(sorted(rejected[ref])).encode()).digest()
        if digest is not None and ref in rejected
        else digest
        for ref, digest in zip(refs.to_pylist(), documents.column("content_digest").to_pylist(), strict=True)
    ]
    index = documents.schema.get_field_index("content_digest")
    return documents.set_column(index, "content_digest", pa.array(digests, batch.documents.schema.field(index).type))


def _references_of(refs: "pa.ChunkedArray[Any]", references: pa.Table) -> pa.Table:
    """Return the rows of a batch's references, which are neighbours and in order. Raises ValueError where they are not.

    Not `take`, for pyarrow.compute takes 30 ms to import.
    """
    if not len(refs):
        return references.slice(0, 0)
    first, last = refs[0].as_py(), refs[-1].as_py()
    if last - first + 1 != len(refs):
        raise ValueError(f"a batch of the references {first} to {last} has {len(refs)} rows")
    return references.slice(first, len(refs))


def _rejected_positions(problems: pa.Table) -> dict[int, set[int]]:
    rejected: dict[int, set[int]] = {}
    for row in problems.select(["ref", "position", "scope"]).to_pylist():
        if row["scope"] == "mention" and row["position"] is not None:
            rejected.setdefault(row["ref"], set()).add(row["position"])
    return rejected
