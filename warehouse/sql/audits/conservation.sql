-- Breaks where a mention of the ledger's current versions is not in fact_mention, or the other way round. It goes its
-- own way from the events to the mentions, so that a join that drops or doubles rows in the build shows here.
with

last_events as (
    select
        document_id,
        arg_max(coalesce(content_id, -1), as_of) as content_id
    from base.event
    anti join base.unchanged_document as unchanged on unchanged.document_id = event.document_id
    where as_of <= $as_of
    group by document_id
),

recorded as (
    select
        document.document_key,
        content_entry.position
    from last_events
    inner join base.document as document on document.document_id = last_events.document_id
    inner join base.content_entry as content_entry on content_entry.content_id = last_events.content_id
),

facts as (
    select
        fact.document_key,
        fact.position
    from main.fact_mention as fact
    anti join base.unchanged_document as unchanged on unchanged.document_key = fact.document_key
)

select
    coalesce(recorded.document_key, fact.document_key) as document_key,
    coalesce(recorded.position, fact.position) as position,
    recorded.document_key is null as is_invented
from recorded
full outer join facts as fact
    on fact.document_key = recorded.document_key and fact.position = recorded.position
where recorded.document_key is null or fact.document_key is null
