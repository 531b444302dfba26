"""Putting new readings of the bytes that are kept in the place of the old ones.

All readings are gathered in scratch tables first, and take the places of the old ones at the end, a statement a table.
Replacing them batch by batch passed over the whole ledger for each batch, which grew with the square.
"""

from datetime import datetime

import duckdb
import pyarrow as pa

from schemas.batches import ReadBatch
from warehouse.ledger import unused
from warehouse.ledger.feed import Feed
from warehouse.ledger.intake import new_rows, with_accepted_digest
from warehouse.ledger.tombstones import url_tombstones
from warehouse.ledger.withheld import doomed_entries, problems_told, said_of_others, without_purged


def begin(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the scratch tables, empty."""
    for statement in _BEGIN:
        connection.execute(statement)


_BEGIN = (
    "create or replace temp table reread_entry as from ledger.entry limit 0",
    "create or replace temp table reread_url as from ledger.url limit 0",
    "create or replace temp table reread_content as from ledger.content limit 0",
    "create or replace temp table reread_content_entry as from ledger.content_entry limit 0",
    """
    create or replace temp table reread_notice as
    select event.byte_digest, event.as_of, problem.* exclude (document_id, first_seen_at, last_seen_at, cleared_at)
    from ledger.event as event cross join ledger.problem as problem
    limit 0
    """,
    "create or replace temp table reread_event as select byte_digest, as_of, content_id from ledger.event limit 0",
)


def gather(feed: Feed, batch: ReadBatch, identities: pa.Table, as_of: datetime) -> None:
    """Keep what a batch of bytes says that were kept at an as-of; `identities` has a row a reference.

    Bytes that the rules no longer accept keep their old reading: a version that was published stays in the history. Not
    so a document whose own article was taken down, as only newer rules may know: its version says nothing of it now.
    """
    connection = feed.connection
    doomed = doomed_entries(batch, url_tombstones(connection))
    documents = with_accepted_digest(batch, identities)
    told = problems_told(batch, without_purged(documents, batch.mentions, doomed), doomed)
    feed.give({"documents": documents, **said_of_others(batch, doomed)._asdict(), "problems": told})
    for statement in _GATHER:
        connection.execute(statement, {"as_of": as_of} if "$as_of" in statement else None)


_GATHER = (
    *new_rows("temp.reread_").values(),
    """
    insert into temp.reread_event by name
    select distinct byte_digest, $as_of as as_of, key_of_digest(content_digest) as content_id
    from documents
    where outcome = 'good'
    """,
    """
    insert into temp.reread_notice by name
    select distinct documents.byte_digest, $as_of as as_of, problems.* exclude (ref)
    from problems
    inner join documents on documents.ref = problems.ref
    where documents.outcome = 'good' and problems.scope = 'notice'
    """,
)


def replace(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> None:
    """Put what was gathered in the place of the old readings, and drop what no version holds any more.

    `as_of` is that of the run, at which new notices are first seen.
    """
    for statement in (*_REPLACE, unused.MENTIONS, unused.CONTENTS, unused.ENTRIES, *_TELL_AGAIN):
        connection.execute(statement, {"as_of": as_of} if "$as_of" in statement else None)
    connection.execute("drop table temp.told_again")
    for name in ("entry", "url", "content", "content_entry", "event", "notice"):
        connection.execute(f"drop table temp.reread_{name}")


# The last notes of every file that it holds what its document's last version says by now; also of one that was
# encrypted anew since, whose own bytes are not kept.
_REPLACE = (
    "delete from ledger.entry where entry_id in (select entry_id from temp.reread_entry)",
    "insert into ledger.entry by name from temp.reread_entry",
    "delete from ledger.url where url_raw in (select url_raw from temp.reread_url)",
    "insert into ledger.url by name from temp.reread_url",
    "delete from ledger.content_entry where content_id in (select content_id from temp.reread_content)",
    "insert into ledger.content_entry by name from temp.reread_content_entry",
    """
    insert into ledger.content by name
    select reread.*
    from temp.reread_content as reread
    anti join ledger.content as content on content.content_id = reread.content_id
    """,
    """
    update ledger.event set content_id = reread.content_id
    from temp.reread_event as reread
    where
        event.byte_digest = reread.byte_digest
        and event.as_of = reread.as_of
        and event.content_id is not null
    """,
    """
    update ledger.file_state set content_digest = content.content_digest
    from
        (select document_id, arg_max(content_id, as_of) as content_id from ledger.event group by document_id) as told
        inner join ledger.content as content on content.content_id = told.content_id
    where file_state.document_id = told.document_id and not file_state.is_bad
    """,
)

# The notices of documents that are there and good, from the bytes of their last version: those of a file whose comments
# alone have changed since are not kept, and it is read the next time that it changes.
_TELL_AGAIN = (
    """
    create or replace temp table told_again as
    with last_events as (
        select
            document_id,
            arg_max({'as_of': as_of, 'byte_digest': byte_digest}, as_of) as event
        from ledger.event
        group by document_id
    ),

    current as (
        select last_events.document_id, last_events.event.as_of as as_of, last_events.event.byte_digest as byte_digest
        from last_events
        inner join ledger.file_state as file_state on file_state.document_id = last_events.document_id
        where not file_state.is_bad
    )

    select current.document_id, reread_event.byte_digest, reread_event.as_of
    from current
    inner join temp.reread_event as reread_event
        on reread_event.byte_digest = current.byte_digest and reread_event.as_of = current.as_of
    """,
    """
    create or replace temp table old_notice as
    select document_id, field, reason, found, min(first_seen_at) as first_seen_at
    from ledger.problem
    where scope = 'notice' and cleared_at is null
    group by all
    """,
    """
    delete from ledger.problem
    where scope = 'notice' and cleared_at is null and document_id in (select document_id from temp.told_again)
    """,
    """
    insert into ledger.problem by name
    select
        told_again.document_id,
        notice.* exclude (byte_digest, as_of),
        coalesce(old_notice.first_seen_at, $as_of) as first_seen_at,
        $as_of as last_seen_at
    from temp.told_again as told_again
    inner join temp.reread_notice as notice
        on notice.byte_digest = told_again.byte_digest and notice.as_of = told_again.as_of
    left join temp.old_notice as old_notice
        on old_notice.document_id = told_again.document_id
        and old_notice.field = notice.field
        and old_notice.reason = notice.reason
        and old_notice.found is not distinct from notice.found
    """,
    "drop table temp.old_notice",
)
