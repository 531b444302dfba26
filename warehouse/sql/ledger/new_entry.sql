-- The entries that the ledger does not hold.
insert into ledger.entry by name
select entries.* from entries anti join ledger.entry as known on known.entry_id = entries.entry_id
