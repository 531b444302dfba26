-- Removes the doomed documents with all that is theirs.

delete from ledger.raw
where
    byte_digest in (
        select byte_digest from ledger.event where document_id in (select document_id from doomed)
        union
        select byte_digest from ledger.file_state where document_id in (select document_id from doomed)
    )
    and byte_digest not in (
        select byte_digest from ledger.event
        where document_id not in (select document_id from doomed) and byte_digest is not null
    );

delete from ledger.event where document_id in (select document_id from doomed);

delete from ledger.file_state where document_id in (select document_id from doomed);

delete from ledger.problem where document_id in (select document_id from doomed);

delete from ledger.drift
where (source, path) in (
    select (source, path) from ledger.document where document_id in (select document_id from doomed)
);

delete from ledger.document where document_id in (select document_id from doomed);

-- An older newsmart took in problems and fields of documents that had been taken down.
delete from ledger.problem where document_id not in (select document_id from ledger.document);

delete from ledger.drift where (source, path) not in (select (source, path) from ledger.document);
