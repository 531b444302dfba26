-- Tells the notices of documents that are there and good anew, from the bytes of their last version. Those of a file
-- whose comments alone have changed since are not kept, and it is read the next time that it changes.

create or replace temp table told_again as
with last_events as (
    select
        document_id,
        arg_max({'as_of': as_of, 'byte_digest': byte_digest}, as_of) as event
    from ledger.event
    group by document_id
),

current as (
    select last_events.document_id, last_events.event.as_of as as_of, last_events.event.byte_digest as byte_digest
    from last_events
    inner join ledger.file_state as file_state on file_state.document_id = last_events.document_id
    where not file_state.is_bad
)

select current.document_id, reread_event.byte_digest, reread_event.as_of
from current
inner join temp.reread_event as reread_event
    on reread_event.byte_digest = current.byte_digest and reread_event.as_of = current.as_of;

create or replace temp table old_notice as
select document_id, field, reason, found, min(first_seen_at) as first_seen_at
from ledger.problem
where scope = 'notice' and cleared_at is null
group by all;

delete from ledger.problem
where scope = 'notice' and cleared_at is null and document_id in (select document_id from temp.told_again);

insert into ledger.problem by name
select
    told_again.document_id,
    notice.* exclude (byte_digest, as_of),
    coalesce(old_notice.first_seen_at, $as_of) as first_seen_at,
    $as_of as last_seen_at
from temp.told_again as told_again
inner join temp.reread_notice as notice
    on notice.byte_digest = told_again.byte_digest and notice.as_of = told_again.as_of
left join temp.old_notice as old_notice
    on old_notice.document_id = told_again.document_id
    and old_notice.field = notice.field
    and old_notice.reason = notice.reason
    and old_notice.found is not distinct from notice.found;

drop table temp.old_notice;

drop table temp.told_again;

drop table temp.reread_entry;

drop table temp.reread_url;

drop table temp.reread_content;

drop table temp.reread_content_entry;

drop table temp.reread_event;

drop table temp.reread_notice;
