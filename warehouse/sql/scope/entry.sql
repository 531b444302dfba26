-- The entries of the scope. Their rows are found first: wide columns of all others would be read, too.
select *
from ledger.entry
where
    rowid in (
        select entry.rowid
        from ledger.entry as entry
        semi join base.content_entry as content_entry on content_entry.entry_id = entry.entry_id
    )
