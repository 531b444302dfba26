-- One row per alias that joins more than three identifying url_keys.
with

joined as (
    select
        alias_key,
        count(distinct url_key) as joined_count,
        min(url_key) || ' … ' || max(url_key) as example,
    from work.alias_edge
    group by alias_key
    having count(distinct url_key) > 3
)

select
    joined.alias_key as url_key,
    joined.joined_count,
    key_owner.article_key,
    joined.example,
from joined
inner join work.key_owner as key_owner on key_owner.url_key = joined.alias_key
