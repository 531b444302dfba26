-- Drops what no version refers to. The order counts: mentions and contents first, then the entries of no mention.

delete from ledger.content_entry where content_id not in (select content_id from ledger.event where content_id is not null);

delete from ledger.content where content_id not in (select content_id from ledger.event where content_id is not null);

delete from ledger.entry where entry_id not in (select entry_id from ledger.content_entry);
