-- Keeps of the rows of a document that was recorded twice the one with the most events, then the first. It is read anew,
-- for what is known of its file may be another's.

create temp table twin as
with
events as (select document_id, count(*) as event_count from ledger.event group by document_id)
select
    document.document_id,
    row_number() over (
        partition by document.source, document.path
        order by coalesce(events.event_count, 0) desc, document.document_id
    ) = 1 as is_kept,
from ledger.document as document
left join events on events.document_id = document.document_id
where (document.source, document.path) in (
    select (source, path) from ledger.document group by source, path having count(*) > 1
);

delete from ledger.file_state where document_id in (select document_id from twin);

delete from ledger.event where document_id in (select document_id from twin where not is_kept);

delete from ledger.problem where document_id in (select document_id from twin where not is_kept);

delete from ledger.document where document_id in (select document_id from twin where not is_kept);

delete from ledger.event
where
    document_id in (select document_id from twin)
    and rowid not in (select min(rowid) from ledger.event group by document_id, as_of);

update ledger.run
set
    documents_seen
    = documents_new + documents_changed + documents_touched + documents_unchanged + documents_quarantined;

drop table temp.twin;
