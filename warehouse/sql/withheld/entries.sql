-- Entries of the batch that are not doomed.
select * from entries anti join doomed_entry using (entry_id)
