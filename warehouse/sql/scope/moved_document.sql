-- One row per document that mentions, in any version, an entry whose article is another than in the base.
select distinct event.document_id
from base.event as event
inner join base.content_entry as content_entry on content_entry.content_id = event.content_id
semi join base.moved_entry as moved on moved.entry_id = content_entry.entry_id
anti join base.redone_document as redone on redone.document_id = event.document_id
