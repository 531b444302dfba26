-- One row per as-of that is recorded, with the status of its run. A run's row may be past its keep; its events are there.
select as_of, status from ledger.run
union all
select distinct as_of, 'published' from ledger.event where as_of not in (select as_of from ledger.run)
