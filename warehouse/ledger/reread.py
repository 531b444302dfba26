"""Putting new readings of the bytes that are kept in the place of the old ones.

All readings are gathered in scratch tables first, and take the places of the old ones at the end, a statement a table.
Replacing them batch by batch passed over the whole ledger for each batch, which grew with the square.
"""

from datetime import datetime

import duckdb
import pyarrow as pa

from warehouse.ledger import unused
from warehouse.ledger.batch import Batch
from warehouse.ledger.feed import Feed
from warehouse.ledger.intake import new_rows, with_accepted_digest
from warehouse.ledger.tombstones import url_tombstones
from warehouse.ledger.withheld import doomed_entries, said_of_others


def begin(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the scratch tables, empty."""
    for statement in _BEGIN:
        connection.execute(statement)


_BEGIN = (
    "create or replace temp table reread_entry as from ledger.entry limit 0",
    "create or replace temp table reread_url as from ledger.url limit 0",
    "create or replace temp table reread_content as from ledger.content limit 0",
    "create or replace temp table reread_content_entry as from ledger.content_entry limit 0",
    "create or replace temp table reread_event as select byte_digest, as_of, content_id from ledger.event limit 0",
)


def gather(feed: Feed, batch: Batch, identities: pa.Table, as_of: datetime) -> None:
    """Keep what a batch of bytes says that were kept at an as-of; `identities` has a row a reference.

    Bytes that the rules no longer accept keep their old reading: a version that was published stays in the history. Not
    so a document whose own article was taken down, as only newer rules may know: its version says nothing of it now.
    """
    connection = feed.connection
    said = said_of_others(batch, doomed_entries(batch, url_tombstones(connection)))
    feed.give({"documents": with_accepted_digest(batch, identities), **said._asdict()})
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
)


def replace(connection: duckdb.DuckDBPyConnection) -> None:
    """Put what was gathered in the place of the old readings, and drop what no version holds any more."""
    for statement in (*_REPLACE, unused.MENTIONS, unused.CONTENTS, unused.ENTRIES):
        connection.execute(statement)
    for name in ("entry", "url", "content", "content_entry", "event"):
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
