-- One row per document that the run at an as-of found new, changed or gone: how, its source and path, and the content
-- that it has now, or had before it went.
with before as (
    select document_id, arg_max(content_id, as_of) as content_id
    from ledger.event
    where as_of < $as_of and content_id is not null
    group by document_id
)
select
    case when event.content_id is null then 'gone' when before.document_id is null then 'new' else 'changed' end,
    document.source,
    document.path,
    coalesce(event.content_id, before.content_id)
from ledger.event as event
inner join ledger.document as document on document.document_id = event.document_id
left join before on before.document_id = event.document_id
where event.as_of = $as_of
order by all
