-- One row per event that an earlier attempt at this as-of recorded and that no longer holds. A document that has turned
-- bad since keeps the content that was recorded, but one that was recorded as gone is there again.
select event.document_id
from ledger.event as event
inner join ledger.document as document on document.document_id = event.document_id
inner join given_source on given_source.source = document.source
left join desired_event on desired_event.document_id = event.document_id
left join observed on observed.document_id = event.document_id
left join unlistable
    on unlistable.source = document.source and starts_with(document.path, unlistable.prefix)
where
    event.as_of = $as_of
    and unlistable.source is null
    and (observed.class is distinct from 'quarantined' or event.content_id is null)
    and (
        desired_event.document_id is null
        or desired_event.content_id is distinct from event.content_id
    )
