-- One row per event to append at this as-of.
select
    desired_event.document_id,
    $as_of::timestamp as as_of,
    desired_event.content_id,
    desired_event.byte_digest,
    desired_event.byte_count,
from desired_event
left join ledger.event as event
    on event.document_id = desired_event.document_id and event.as_of = $as_of
where event.document_id is null
