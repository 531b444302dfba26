-- One row per document that is there, with the class it has in this run's balance. The class compares with the state
-- before this as-of, so that a retry at the same as-of continues its run. content_id NULL: it could not be accepted.
with

previous_events as (
    select
        document_id,
        arg_max(coalesce(content_id, -1), as_of) as content_id,
    from ledger.event
    where as_of < $as_of
    group by document_id
),

files as (
    select
        seen.document_id,
        staged.outcome,
        case
            when staged.document_id is null or staged.outcome = 'same_bytes' then seen.content_digest
            else staged.content_digest
        end as content_digest,
        coalesce(staged.byte_digest, seen.byte_digest) as byte_digest,
        coalesce(staged.byte_count, seen.size) as byte_count,
        staged.document_id is not null and staged.byte_digest is distinct from seen.byte_digest as has_other_bytes,
        seen.is_bad,
    from seen
    left join staged_document as staged on staged.document_id = seen.document_id
    where staged.outcome is distinct from 'vanished'
),

contents as (
    select
        *,
        key_of_digest(content_digest) as content_id,
    from files
)

select
    contents.document_id,
    contents.content_id,
    contents.byte_digest,
    contents.byte_count,
    case
        when contents.content_id is null then 'quarantined'
        when previous_events.document_id is null then 'new'
        when previous_events.content_id <> contents.content_id then 'changed'
        when contents.has_other_bytes and not contents.is_bad then 'touched'
        else 'unchanged'
    end as class,
from contents
left join previous_events on previous_events.document_id = contents.document_id
