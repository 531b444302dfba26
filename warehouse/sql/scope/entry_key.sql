-- One row per entry and url_key by which it can make two articles one, or be one: that of its identifying URL, and each
-- alias on the same registrable domain (work/declared_alias.sql). Of entries that ledger.entry_key has not yet.
with

missing as (
    select
        entry_id,
        web_url,
        original_url,
        amp_url,
        amp_cache_url,
    from ledger.entry
    where
        rowid in (
            select entry.rowid
            from ledger.entry as entry
            anti join ledger.entry_key as known on known.entry_id = entry.entry_id
        )
),

declared as (
    select entry_id, web_url as url_raw, true as is_identifying from missing
    union all
    select entry_id, original_url as url_raw, web_url is null as is_identifying from missing
    union all
    select entry_id, amp_url as url_raw, false as is_identifying from missing
    union all
    select entry_id, amp_cache_url as url_raw, false as is_identifying from missing
),

keyed as (
    select
        declared.entry_id,
        declared.is_identifying,
        url.url_key,
        url.registrable_domain,
        url.is_front_page,
    from declared
    inner join ledger.url as url on url.url_raw = declared.url_raw
)

select
    entry_id,
    surrogate_key(url_key) as own_key,
    true as is_identifying,
from keyed
where is_identifying

union all

select distinct
    alias.entry_id,
    surrogate_key(alias.url_key) as own_key,
    false as is_identifying,
from keyed as alias
inner join keyed as identifying on identifying.entry_id = alias.entry_id
where
    not alias.is_identifying
    and identifying.is_identifying
    and alias.url_key <> identifying.url_key
    and alias.registrable_domain = identifying.registrable_domain
    and not alias.is_front_page
    and not identifying.is_front_page
