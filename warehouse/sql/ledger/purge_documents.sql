-- Marks documents as doomed, and leaves a tombstone for each.

create or replace temp table doomed as select unnest($documents::bigint[]) as document_id;

insert into ledger.tombstone by name
select
    'document' as kind,
    sha256(source || chr(0) || path) as value,
    $now as purged_at
from ledger.document
where document_id in (select document_id from doomed);
