-- The entries of the scope; of remote ones no more than they are there for. Their rows are found first: wide columns of
-- all others would be read, too.
with

near as (
    select entry_id from base.weighed_entry
    union
    select entry_id from base.redone_entry
)

select *
from ledger.entry
where rowid in (select entry.rowid from ledger.entry as entry semi join near on near.entry_id = entry.entry_id)

union all by name

select
    entry_id,
    provider_domain,
    provider_name,
    provider_name_flaw,
    provider_logo_url,
from ledger.entry
where entry_id in (select entry_id from base.remote_entry where not is_pictured)

union all by name

select
    entry_id,
    provider_domain,
    provider_name,
    provider_name_flaw,
    provider_logo_url,
    images,
from ledger.entry
where
    rowid in (
        select entry.rowid
        from ledger.entry as entry
        semi join (select entry_id from base.remote_entry where is_pictured) as remote
            on remote.entry_id = entry.entry_id
    )
