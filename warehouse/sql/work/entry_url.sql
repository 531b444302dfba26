-- One row per entry and URL that it declares, with what the URL policy makes of it. is_identifying marks the URL that
-- says which article the entry speaks of: webUrl, else originalUrl (DESIGN section 5). kind: 1 web, 2 original, 3 amp,
-- 4 amp_cache.
with

used_entries as (
    select * from work.used_entry
),

declared as (
    select
        entry.entry_id,
        used_entries.first_seen_at,
        unnest([
            {'kind': 1, 'url_raw': entry.web_url, 'is_identifying': true},
            {'kind': 2, 'url_raw': entry.original_url, 'is_identifying': entry.web_url is null},
            {'kind': 3, 'url_raw': entry.amp_url, 'is_identifying': false},
            {'kind': 4, 'url_raw': entry.amp_cache_url, 'is_identifying': false},
        ], recursive := true)
    from ledger.entry as entry
    inner join used_entries on used_entries.entry_id = entry.entry_id
)

select
    declared.entry_id,
    declared.first_seen_at,
    declared.kind,
    declared.is_identifying,
    declared.url_raw,
    url.url_key,
    url.loose_key,
    url.registrable_domain,
    url.is_front_page,
    url.is_amp,
    url.display_url,
from declared
inner join ledger.url as url on url.url_raw = declared.url_raw
