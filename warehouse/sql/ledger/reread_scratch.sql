-- Makes the scratch tables of a second reading, empty.

create or replace temp table reread_entry as from ledger.entry limit 0;

create or replace temp table reread_url as from ledger.url limit 0;

create or replace temp table reread_content as from ledger.content limit 0;

create or replace temp table reread_content_entry as from ledger.content_entry limit 0;

create or replace temp table reread_notice as
select event.byte_digest, event.as_of, problem.* exclude (document_id, first_seen_at, last_seen_at, cleared_at)
from ledger.event as event cross join ledger.problem as problem
limit 0;

create or replace temp table reread_event as select byte_digest, as_of, content_id from ledger.event limit 0;
