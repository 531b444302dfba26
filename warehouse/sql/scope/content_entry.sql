-- The mentions of the scope: of every entry that is weighed or describes something, and all of documents that are made
-- anew.
select content_entry.*
from ledger.content_entry as content_entry
where
    content_entry.entry_id in (
        select entry_id from base.weighed_entry
        union all
        select entry_id from base.described_entry
    )
    or content_entry.content_id in (
        select event.content_id
        from ledger.event as event
        semi join base.redone_document as redone on redone.document_id = event.document_id
        where event.content_id is not null
    )
