-- One row per file to open, in order (size -1 marks one whose name is no text, which cannot be opened by it).
-- known_bytes and known_content let the reader skip what would tell nothing new.
with

last_events as (
    select
        document_id,
        arg_max(coalesce(content_id, -1), as_of) as content_id,
    from ledger.event
    where document_id in (select document_id from seen where needs_read and not is_unknown)
    group by document_id
)

select
    seen.document_id,
    seen.source,
    seen.path,
    seen.size,
    seen.mtime_ns,
    seen.ctime_ns,
    seen.inode,
    case when not seen.is_wanted_whole then seen.byte_digest end as known_bytes,
    case when not seen.is_wanted_whole then content.content_digest end as known_content,
from seen
left join last_events on last_events.document_id = seen.document_id
left join ledger.content as content on content.content_id = last_events.content_id
where seen.needs_read and seen.size >= 0
order by
    seen.source,
    seen.path
