-- Mentions of the batch, but those of doomed entries.
select * from mentions anti join doomed_entry using (entry_id)
