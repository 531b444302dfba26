-- Drops the spellings that no entry declares.

with declared as (
    select unnest([web_url, original_url, amp_url, amp_cache_url]) as url_raw from ledger.entry
)
delete from ledger.url where url_raw not in (select url_raw from declared where url_raw is not null);
