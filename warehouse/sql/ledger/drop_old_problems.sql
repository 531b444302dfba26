-- Drops problems that were mended before a moment.
delete from ledger.problem where cleared_at < $before;
