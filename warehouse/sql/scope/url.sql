-- The spellings of the scope: what its entries declare, and those that the base has of its keys.
with

spellings as (
    select unnest([web_url, original_url, amp_url, amp_cache_url]) as url_raw from base.entry
    union
    select article_url.url_raw
    from previous.main.article_url as article_url
    semi join base.key as key on key.own_key = article_url.own_key
)

select
    url.rowid as url_id,
    url.*,
from ledger.url as url
where url.rowid in (select url.rowid from ledger.url as url semi join spellings on spellings.url_raw = url.url_raw)
