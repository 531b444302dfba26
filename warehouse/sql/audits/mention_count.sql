-- Breaks where the release holds another number of mentions than the ledger's current versions: conservation as a count,
-- over all documents.
with

last_events as (
    select
        document_id,
        arg_max(coalesce(content_id, -1), as_of) as content_id
    from ledger.event
    where as_of <= $as_of
    group by document_id
),

recorded as (
    select count(*) as mention_count
    from last_events
    inner join ledger.content_entry as content_entry on content_entry.content_id = last_events.content_id
)

select
    recorded.mention_count as recorded,
    release.mention_count as shown
from recorded
cross join ops.release as release
where recorded.mention_count <> release.mention_count
