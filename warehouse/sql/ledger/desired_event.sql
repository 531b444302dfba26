-- One row per document that this run can speak of and that has an event at this as-of in the end: its new content, or
-- content_id NULL where it is gone. Sources not given and folders that could not be listed are not spoken of. A document
-- that cannot be accepted keeps its last good version.
with

previous_events as (
    select
        document_id,
        arg_max(coalesce(content_id, -1), as_of) as content_id,
    from ledger.event
    where as_of < $as_of
    group by document_id
),

gone as (
    select document.document_id
    from ledger.document as document
    inner join previous_events on previous_events.document_id = document.document_id
    inner join given_source on given_source.source = document.source
    left join seen on seen.document_id = document.document_id
    left join unlistable
        on unlistable.source = document.source and starts_with(document.path, unlistable.prefix)
    where
        previous_events.content_id <> -1
        and seen.document_id is null
        and unlistable.source is null
)

select
    document_id,
    content_id,
    byte_digest,
    byte_count,
from observed
where class in ('new', 'changed')
union all
select
    document_id,
    null as content_id,
    null as byte_digest,
    null as byte_count,
from gone
