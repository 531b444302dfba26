-- One row per key that entries of the scope declare and that is outside of it: its owner is that of the base, or none.
with

outside as (
    select distinct
        url_key,
        surrogate_key(url_key) as own_key,
    from base.url
    anti join base.key as key on key.own_key = surrogate_key(url.url_key)
)

select distinct
    outside.url_key,
    null::varchar as article_url_key,
    article_url.article_key,
from outside
left join previous.main.article_url as article_url on article_url.own_key = outside.own_key
