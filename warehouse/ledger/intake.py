"""Taking batches of read documents into the ledger: their bytes, contents, entries and URLs, as far as they are new.

A batch is Arrow and is joined in SQL, a statement a table; nothing goes row by row.
"""

from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any

import pyarrow as pa

from schemas.batches import ReadBatch
from warehouse.ledger.feed import Feed
from warehouse.ledger.packs import store
from warehouse.ledger.tombstones import bytes_left, withhold
from warehouse.sql_files import execute_named, read_sql, run_script


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
    for source, sql in _take_in_sql():
        if getattr(batch, source).num_rows:
            execute_named(connection, sql, {"as_of": as_of})
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
    if feed.rounds <= _FEW_BATCHES:
        feed.connection.execute(new_rows("ledger.")["urls"])
    else:
        run_script(feed.connection, "ledger", "new_urls_by_digest", {"secret": feed.secret})


_FEW_BATCHES = 3


def new_rows(into: str) -> dict[str, str]:
    """Return the statements that add what a batch says and the tables do not hold, each by the batch's table it is of.

    In: what the names of the tables begin with, `ledger.` or that of scratch tables of the same columns. Out: in the
    order that counts, for mentions are known by their content.
    """
    return {
        "mentions": f"""
            insert into {into}content_entry by name
            with firsts as (
                select min(ref) as ref, key_of_digest(content_digest) as content_id
                from documents
                where outcome = 'good'
                group by content_digest
            )
            select firsts.content_id, mentions.position, mentions.entry_id
            from firsts
            inner join mentions on mentions.ref = firsts.ref
            anti join {into}content as known on known.content_id = firsts.content_id
        """,
        "documents": f"""
            insert into {into}content by name
            with found as (
                select distinct key_of_digest(content_digest) as content_id, content_digest
                from documents
                where outcome = 'good'
            )
            select found.* from found anti join {into}content as known on known.content_id = found.content_id
        """,
        "entries": f"""
            insert into {into}entry by name
            select entries.* from entries anti join {into}entry as known on known.entry_id = entries.entry_id
        """,
        "urls": f"""
            insert into {into}url by name
            select urls.* from urls anti join {into}url as known on known.url_raw = urls.url_raw
        """,
    }


def _take_in_sql() -> Iterator[tuple[str, str]]:
    """Yield each statement after the table that it is about: where that has no row, there is nothing to do.

    What is known is joined by `anti join`, which hashes the batch and passes over the ledger's keys once; `not in`
    would hash all of the ledger.
    """
    new = new_rows("ledger.")
    yield "documents", read_sql("ledger", "staged_document")
    yield "problems", read_sql("ledger", "staged_problem")
    yield "documents", read_sql("ledger", "staged_unstable")
    yield "slices", read_sql("ledger", "new_bytes")
    yield from ((source, new[source]) for source in ("mentions", "documents", "entries"))
    yield "drift", read_sql("ledger", "new_drift")


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
