-- Drops the bytes of versions that were superseded before a moment; the last version of each document keeps its own.
delete from ledger.raw
where
    byte_digest in (select byte_digest from ledger.event where as_of < $before)
    and byte_digest not in (
        select byte_digest from ledger.event
        where byte_digest is not null
        qualify row_number() over (partition by document_id order by as_of desc) = 1
    );
