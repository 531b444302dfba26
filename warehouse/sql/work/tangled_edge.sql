-- One row per pair of work.alias_edge that shares a key with another pair. Most pairs share none and are an article by
-- themselves; only these can make chains.
with

ends as (
    select url_key from work.alias_edge
    union all
    select alias_key as url_key from work.alias_edge
),

shared as (
    select url_key
    from ends
    group by url_key
    having count(*) > 1
)

select
    url_key,
    alias_key,
from work.alias_edge
where
    url_key in (select url_key from shared)
    or alias_key in (select url_key from shared)
