-- The bytes that are kept, once for each as-of at which a document had them, in the order in which they are stored.
select event.byte_digest, event.as_of, min(document.path) as path, any_value(raw.byte_count) as byte_count
from ledger.event as event
inner join ledger.raw as raw on raw.byte_digest = event.byte_digest
inner join ledger.document as document on document.document_id = event.document_id
group by event.byte_digest, event.as_of
order by event.as_of, any_value(raw.pack_id), any_value(raw.first)
