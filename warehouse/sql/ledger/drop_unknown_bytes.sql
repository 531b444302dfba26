-- Forgets the bytes that belong to no version and to no file as it was last seen: they were in quarantine once.

delete from ledger.raw
where
    byte_digest not in (select byte_digest from ledger.event where byte_digest is not null)
    and byte_digest not in (select byte_digest from ledger.file_state where byte_digest is not null);
