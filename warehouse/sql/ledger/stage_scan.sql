-- Makes the scratch tables for what is read of the files that were seen. Files whose names are no text count as read.

-- What was taken down is not seen: it belongs to no class of the balance.
delete from seen
where
    exists (select 1 from ledger.tombstone where kind = 'document')
    and sha256(source || chr(0) || path) in (select value from ledger.tombstone where kind = 'document');

create or replace temp table staged_document (
    document_id bigint,
    outcome varchar,
    size bigint,
    mtime_ns bigint,
    ctime_ns bigint,
    inode bigint,
    byte_count bigint,
    byte_digest blob,
    content_digest blob
);

create or replace temp table staged_problem (
    document_id bigint,
    position bigint,
    scope varchar,
    line bigint,
    "column" bigint,
    field varchar,
    reason varchar,
    expected varchar,
    found varchar
);

insert into temp.staged_document by name
select document_id, 'bad' as outcome, size, mtime_ns, ctime_ns, inode from seen where size < 0;

insert into temp.staged_problem by name
select
    document_id,
    'document' as scope,
    '' as field,
    'bad_name' as reason,
    'a file name in UTF-8' as expected,
    path as found
from seen
where size < 0;

-- The digests of known spellings have a secret of their own in each run (warehouse/ledger/intake.py).
drop table if exists temp.known_url;
