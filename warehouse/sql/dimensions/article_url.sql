-- One row per distinct spelling of a URL ever seen. In the order of the key, as its index is then made in half the time.
with

spellings as (
    select
        url_raw,
        any_value(url_key) as url_key,
        any_value(loose_key) as loose_key,
        min(kind) as kind,
        min(first_seen_at) as first_seen_at,
    from work.entry_url
    group by url_raw
)

select
    spellings.url_raw,
    spellings.url_key,
    key_owner.article_key,
    surrogate_key(spellings.url_key) as own_key,
    ['web', 'original', 'amp', 'amp_cache'][spellings.kind] as kind,
    spellings.loose_key,
    spellings.first_seen_at,
from spellings
left join work.key_owner as key_owner on key_owner.url_key = spellings.url_key
order by spellings.url_raw
