-- One row per distinct spelling of a URL ever seen. In the order of the key, as its index is then made in half the time.
with

declared as (
    select
        url_id,
        kind,
        first_seen_at,
    from work.entry_url
    union all
    select
        url.url_id,
        spelling.kind,
        spelling.first_seen_at,
    from base.spelling as spelling
    inner join base.url as url on url.url_raw = spelling.url_raw
),

spellings as (
    select
        url_id,
        min(kind) as kind,
        min(first_seen_at) as first_seen_at,
    from declared
    group by url_id
)

select
    url.url_raw,
    url.url_key,
    key_owner.article_key,
    surrogate_key(url.url_key) as own_key,
    ['web', 'original', 'amp', 'amp_cache'][spellings.kind] as kind,
    url.loose_key,
    spellings.first_seen_at,
from spellings
inner join base.url as url on url.url_id = spellings.url_id
left join work.key_owner as key_owner on key_owner.url_key = url.url_key
order by url.url_raw
