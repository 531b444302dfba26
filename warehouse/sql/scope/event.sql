-- All events of the documents that hold a mention of the scope, or have changed.
with

documents as (
    select event.document_id
    from ledger.event as event
    semi join base.content_entry as content_entry on content_entry.content_id = event.content_id
    union
    select document_id from base.redone_document
)

select event.*
from ledger.event as event
semi join documents on documents.document_id = event.document_id
