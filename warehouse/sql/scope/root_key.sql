-- One row per key of an article whose own document has moved: it counts what its documents list.
select distinct entry_key.own_key
from ledger.event as event
semi join base.moved_document as moved on moved.document_id = event.document_id
inner join ledger.content_entry as content_entry
    on content_entry.content_id = event.content_id and content_entry.position = 0
inner join ledger.entry_key as entry_key on entry_key.entry_id = content_entry.entry_id and entry_key.is_identifying
anti join base.key as key on key.own_key = entry_key.own_key
