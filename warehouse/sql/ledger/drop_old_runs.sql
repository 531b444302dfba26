-- Drops the rows of runs but for the last so many.
delete from ledger.run where run_id not in (select run_id from ledger.run order by as_of desc limit $keep);
