-- One row per document that this run can speak of and that has an event at this as-of in the end: its new content, or
-- content_id NULL where it is gone. Sources not given and folders that could not be listed are not spoken of. A document
-- that cannot be accepted keeps its last good version.
with

unseen as (
    select document.document_id
    from ledger.document as document
    inner join given_source on given_source.source = document.source
    left join unlistable
        on unlistable.source = document.source and starts_with(document.path, unlistable.prefix)
    anti join seen on seen.document_id = document.document_id
    where unlistable.source is null
),

gone as (
    select event.document_id
    from ledger.event as event
    semi join unseen on unseen.document_id = event.document_id
    where event.as_of < $as_of
    group by event.document_id
    having arg_max(coalesce(event.content_id, -1), event.as_of) <> -1
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
