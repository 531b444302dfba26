-- One row per entry and URL that it declares, with what the URL policy makes of it; url_id is the row of base.url that
-- holds its spellings. is_identifying marks the URL that says which article the entry speaks of: webUrl, else originalUrl
-- kind: 1 web, 2 original, 3 amp, 4 amp_cache.
with

entries as (
    select
        entry.entry_id,
        used_entry.first_seen_at,
        entry.web_url,
        entry.original_url,
        entry.amp_url,
        entry.amp_cache_url,
    from base.entry as entry
    inner join work.used_entry as used_entry on used_entry.entry_id = entry.entry_id
),

declared as (
    select entry_id, first_seen_at, 1 as kind, web_url as url_raw, true as is_identifying from entries
    union all
    select entry_id, first_seen_at, 2 as kind, original_url as url_raw, web_url is null as is_identifying from entries
    union all
    select entry_id, first_seen_at, 3 as kind, amp_url as url_raw, false as is_identifying from entries
    union all
    select entry_id, first_seen_at, 4 as kind, amp_cache_url as url_raw, false as is_identifying from entries
)

select
    declared.entry_id,
    declared.first_seen_at,
    declared.kind,
    declared.is_identifying,
    url.url_id,
    url.url_key,
    url.registrable_domain,
    url.is_front_page,
    url.is_amp,
from declared
inner join base.url as url on url.url_raw = declared.url_raw
