-- Notes what is known of each file that was read.

delete from ledger.file_state
where document_id in (select document_id from staged_document where outcome <> 'vanished');

insert into ledger.file_state by name
select
    staged.document_id,
    coalesce(staged.size, seen.size) as size,
    coalesce(staged.mtime_ns, seen.mtime_ns) as mtime_ns,
    coalesce(staged.ctime_ns, seen.ctime_ns) as ctime_ns,
    coalesce(staged.inode, seen.inode) as inode,
    $scanned_at_ns as known_at_ns,
    coalesce(staged.byte_digest, case when staged.outcome = 'same_bytes' then seen.byte_digest end) as byte_digest,
    case
        when staged.outcome = 'same_bytes' then seen.content_digest
        else staged.content_digest
    end as content_digest,
    observed.class = 'quarantined' as is_bad
from staged_document as staged
inner join seen on seen.document_id = staged.document_id
inner join observed on observed.document_id = staged.document_id;
