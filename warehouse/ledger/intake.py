"""Taking batches of read documents into the ledger: their bytes, contents, entries and URLs, as far as they are new.

A batch is Arrow and is joined in SQL, a statement a table; nothing goes row by row. What was taken down is left out
here, so that no other place has to know of takedowns.
"""

from datetime import datetime
from hashlib import sha256
from typing import Any

import duckdb
import pyarrow as pa

from schemas.packs import Pack, Slice
from warehouse.ledger.batch import PURGED, Batch
from warehouse.ledger.feed import Feed
from warehouse.ledger.packs import repacked, store
from warehouse.ledger.withheld import drift_told, problems_told


def take_in(feed: Feed, batch: Batch, references: pa.Table, as_of: datetime) -> None:
    """Take a batch in: bytes, contents, entries and URLs that are new, and, in scratch tables, what was found.

    In: the feed of the ledger's connection, one for all batches of a transaction; the batch; all files to read, which
    its `ref` counts from 0. Batches may come in any order.
    """
    connection = feed.connection
    tombstones = url_tombstones(connection)
    doomed = purged_entries(batch, tombstones)
    slices, packs = _bytes_of(batch, doomed, is_strict=bool(tombstones))
    documents = without_purged(_with_accepted_digest(batch, references), batch.mentions, doomed)
    tables = {
        "slices": slices,
        "packs": packs,
        "documents": documents,
        "mentions": _rows_not_in(batch.mentions, doomed),
        "entries": _rows_not_in(batch.entries, doomed),
        "urls": _urls_of(batch, doomed),
        "problems": problems_told(batch, documents, doomed),
        "drifted": drift_told(batch, documents, doomed),
    }
    feed.give(tables)
    for source, statement in _TAKE_IN:
        if tables[source].num_rows:
            connection.execute(statement, {"as_of": as_of} if "$as_of" in statement else None)
    _take_in_urls(feed)
    if tables["packs"].num_rows:
        store(connection)


def _take_in_urls(feed: Feed) -> None:
    """Take in the URLs of the batch that the ledger does not hold.

    The first batches are compared with the spellings themselves, which are all read for it. Doing so for each batch
    made large loads slower than linear, so for further ones digests of the spellings are laid out, which takes as long
    as three comparisons.
    """
    if feed.rounds <= _FEW_BATCHES:
        feed.connection.execute(_NEW_URLS)
        return
    if feed.rounds == _FEW_BATCHES + 1:
        feed.connection.execute(_KNOWN_URLS, {"secret": feed.secret})
    for statement in _NEW_URLS_BY_DIGEST:
        feed.connection.execute(statement, {"secret": feed.secret})


_FEW_BATCHES = 3

_NEW_URLS = """
    insert into ledger.url by name
    select urls.* from urls anti join ledger.url as url on url.url_raw = urls.url_raw
"""

# A digest of every spelling that the ledger holds; the secret keeps anyone from making two that collide.
_KNOWN_URLS = """
    create or replace temp table known_url as select md5_number($secret || url_raw) as digest from ledger.url
"""

_NEW_URLS_BY_DIGEST = (
    """
    insert into ledger.url by name
    select urls.* from urls anti join known_url on known_url.digest = md5_number($secret || urls.url_raw)
    """,
    """
    insert into temp.known_url by name
    with found as (select md5_number($secret || url_raw) as digest from urls)
    select found.* from found anti join known_url on known_url.digest = found.digest
    """,
)

# Each statement with the table that it is about: where that has no row, there is nothing to do. What is known is joined
# by `anti join`, which hashes the batch and passes over the ledger's keys once; `not in` would hash all of the ledger.
_TAKE_IN = (
    (
        "documents",
        """
        insert into temp.staged_document by name
        select document_id, outcome, size, mtime_ns, ctime_ns, inode, byte_count, byte_digest, content_digest
        from documents
        """,
    ),
    (
        "problems",
        """
        insert into temp.staged_problem by name
        select documents.document_id, problems.* exclude (ref)
        from problems inner join documents on documents.ref = problems.ref
        """,
    ),
    (
        "documents",
        """
        insert into temp.staged_problem by name
        select
            document_id,
            'document' as scope,
            '' as field,
            'unstable' as reason,
            'a file that does not change while it is read' as expected
        from documents
        where outcome = 'unstable'
        """,
    ),
    (
        "slices",
        """
        insert into ledger.raw by name
        select slices.* from slices anti join ledger.raw as raw on raw.byte_digest = slices.byte_digest
        """,
    ),
    (
        "mentions",
        """
        insert into ledger.content_entry by name
        with firsts as (
            select min(ref) as ref, key_of_digest(content_digest) as content_id
            from documents
            where outcome = 'good'
            group by content_digest
        )
        select firsts.content_id, mentions.position, mentions.entry_id
        from firsts
        inner join mentions on mentions.ref = firsts.ref
        anti join ledger.content as content on content.content_id = firsts.content_id
        """,
    ),
    (
        "documents",
        """
        insert into ledger.content by name
        with found as (
            select distinct key_of_digest(content_digest) as content_id, content_digest
            from documents
            where outcome = 'good'
        )
        select found.* from found anti join ledger.content as content on content.content_id = found.content_id
        """,
    ),
    (
        "entries",
        """
        insert into ledger.entry by name
        select entries.* from entries anti join ledger.entry as entry on entry.entry_id = entries.entry_id
        """,
    ),
    (
        "drifted",
        """
        insert into ledger.drift by name
        select drifted.field, documents.source, documents.path, $as_of as first_seen_at
        from drifted inner join documents on documents.ref = drifted.ref
        where drifted.field not in (select field from ledger.drift)
        """,
    ),
)


def _with_accepted_digest(batch: Batch, references: pa.Table) -> pa.Table:
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


def url_tombstones(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Return the digests of the URLs that were taken down."""
    rows = connection.execute("select value from ledger.tombstone where kind = 'url'").fetchall()
    return frozenset(str(row[0]) for row in rows)


def purged_entries(batch: Batch, tombstones: frozenset[str]) -> frozenset[int]:
    """Return the ids of the batch's entries that speak of an article that was taken down."""
    if not tombstones:
        return frozenset()
    purged = {
        url["url_raw"]
        for url in batch.urls.select(["url_raw", "url_key"]).to_pylist()
        if not tombstones.isdisjoint(sha256(url[name].encode()).hexdigest() for name in ("url_key", "url_raw"))
    }
    entries = batch.entries.select(["entry_id", "web_url", "original_url"]).to_pylist()
    return frozenset(
        entry["entry_id"]
        for entry in entries
        if (entry["original_url"] if entry["web_url"] is None else entry["web_url"]) in purged
    )


def _urls_of(batch: Batch, doomed: frozenset[int]) -> pa.Table:
    """Return the batch's URLs; where something was purged, only those that another entry declares."""
    if not doomed:
        return batch.urls
    kept = _rows_not_in(batch.entries, doomed).select(list(_URL_FIELDS)).to_pylist()
    declared = {entry[name] for entry in kept for name in _URL_FIELDS}
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


def _bytes_of(batch: Batch, doomed: frozenset[int], *, is_strict: bool) -> tuple[pa.Table, pa.Table]:
    """Return the batch's slices and packs, without the bytes of documents that speak of a purged article.

    `is_strict`, after any takedown: nor of those with problems, as what was not accepted may speak of anything.
    """
    tainted = {row["ref"] for row in batch.mentions.to_pylist() if row["entry_id"] in doomed} if doomed else set()
    tainted |= set(batch.problems.column("ref").to_pylist()) if is_strict else set()
    if not tainted:
        return batch.slices, batch.packs
    documents = batch.documents.select(["ref", "byte_digest"]).to_pylist()
    unkept = {row["byte_digest"] for row in documents if row["ref"] in tainted}
    kept = [Slice(**row) for row in batch.slices.to_pylist() if row["byte_digest"] not in unkept]
    return repacked([Pack(*row.values()) for row in batch.packs.to_pylist()], kept)


def _rejected_positions(problems: pa.Table) -> dict[int, set[int]]:
    rejected: dict[int, set[int]] = {}
    for row in problems.select(["ref", "position", "scope"]).to_pylist():
        if row["scope"] == "mention" and row["position"] is not None:
            rejected.setdefault(row["ref"], set()).add(row["position"])
    return rejected


def replace_readings(feed: Feed, batch: Batch, byte_digests: pa.Table, as_of: datetime) -> None:
    """Put a new reading of bytes kept at an as-of in the place of the old one; `byte_digests` has a row a reference.

    Bytes that the rules no longer accept keep their old reading: a version that was published stays in the history.
    """
    connection = feed.connection
    doomed = purged_entries(batch, url_tombstones(connection))
    tables = {
        "documents": _with_accepted_digest(batch, byte_digests),
        "mentions": _rows_not_in(batch.mentions, doomed),
        "entries": _rows_not_in(batch.entries, doomed),
        "urls": _urls_of(batch, doomed),
    }
    feed.give(tables)
    for statement in _REPLACE_READINGS:
        connection.execute(statement)
    connection.execute(_REPLACE_CONTENTS, {"as_of": as_of})


_REPLACE_READINGS = (
    """
    create or replace temp table reread as
    select min(ref) as ref, byte_digest, content_digest, key_of_digest(content_digest) as content_id
    from documents
    where outcome = 'good'
    group by byte_digest, content_digest
    """,
    "delete from ledger.entry where entry_id in (select entry_id from entries)",
    "insert into ledger.entry by name select * from entries",
    "delete from ledger.url where url_raw in (select url_raw from urls)",
    "insert into ledger.url by name select * from urls",
    "delete from ledger.content_entry where content_id in (select content_id from reread)",
    """
    insert into ledger.content_entry by name
    select reread.content_id, mentions.position, mentions.entry_id
    from mentions
    inner join (select content_id, min(ref) as ref from reread group by content_id) as reread
        on reread.ref = mentions.ref
    """,
    """
    insert into ledger.content by name
    select distinct content_id, content_digest
    from reread
    where content_id not in (select content_id from ledger.content)
    """,
)

_REPLACE_CONTENTS = """
    update ledger.event set content_id = reread.content_id
    from reread
    where event.byte_digest = reread.byte_digest and event.as_of = $as_of and event.content_id is not null
"""


def know_replaced_readings(connection: duckdb.DuckDBPyConnection) -> None:
    """Note of every file, when all is read again, that it holds what its document's last version says by now.

    Also of one that was encrypted anew since, whose own bytes are not kept.
    """
    connection.execute(_KNOW_CONTENTS)


_KNOW_CONTENTS = """
    update ledger.file_state set content_digest = content.content_digest
    from
        (select document_id, arg_max(content_id, as_of) as content_id from ledger.event group by document_id) as told
        inner join ledger.content as content on content.content_id = told.content_id
    where file_state.document_id = told.document_id and not file_state.is_bad
"""
