"""Mending what an earlier newsmart did wrong to a ledger: each document once.

Two files could have one path, one as its name and one as the escaped form of a name that is no text. Both were
recorded, and each later run doubled their rows, so that no release could be built any more. Names are told apart now
(flows/sources/walk.py), but a ledger with such rows must not stay unusable. The doubled rows stand in the balance of
those runs too, which would not be audited as right again. Not a migration: no format has changed, and the check costs a
few milliseconds.
"""

import duckdb

from warehouse.ledger.opening import note_rewritten_past

# The one with the most events is kept, then the first; it is read anew, for what is known of its file may be another's.
_FIND = """
    create temp table twin as
    with
    events as (select document_id, count(*) as event_count from ledger.event group by document_id)
    select
        document.document_id,
        row_number() over (
            partition by document.source, document.path
            order by coalesce(events.event_count, 0) desc, document.document_id
        ) = 1 as is_kept,
    from ledger.document as document
    left join events on events.document_id = document.document_id
    where (document.source, document.path) in (
        select (source, path) from ledger.document group by source, path having count(*) > 1
    )
"""

_MEND = (
    "delete from ledger.file_state where document_id in (select document_id from twin)",
    *(
        f"delete from ledger.{table} where document_id in (select document_id from twin where not is_kept)"
        for table in ("event", "problem", "document")
    ),
    """
    delete from ledger.event
    where
        document_id in (select document_id from twin)
        and rowid not in (select min(rowid) from ledger.event group by document_id, as_of)
    """,
    """
    update ledger.run
    set
        documents_seen
        = documents_new + documents_changed + documents_touched + documents_unchanged + documents_quarantined
    """,
    "drop table temp.twin",
)


def keep_each_document_once(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove the rows of documents that were recorded twice; nearly always there are none."""
    keys = "select count(*) > count(distinct document_key) from ledger.document"
    if connection.execute(keys).fetchall() != [(True,)]:
        return
    for statement in (_FIND, *_MEND):
        connection.execute(statement)
    note_rewritten_past(connection)
