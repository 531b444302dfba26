-- One row per entry that a document which is made anew holds or has held.
select distinct content_entry.entry_id
from ledger.content_entry as content_entry
semi join (
    select event.content_id
    from ledger.event as event
    semi join base.redone_document as redone on redone.document_id = event.document_id
) as content on content.content_id = content_entry.content_id
