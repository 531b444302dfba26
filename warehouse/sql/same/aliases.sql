-- One row per shared alias and key that declares it, of the aliases that both url_keys have to do with, else of those that
-- one of them has.
with

touching as (
    select
        *,
        url_key = $one or declaring_key = $one as is_of_one,
        url_key = $other or declaring_key = $other as is_of_other,
    from ops.alias
    where
        $one in (url_key, declaring_key)
        or $other in (url_key, declaring_key)
),

aliases as (
    select
        url_key,
        bool_or(is_of_one) and bool_or(is_of_other) as is_of_both,
    from touching
    group by url_key
)

select
    touching.url_key as alias,
    touching.declaring_key,
    touching.is_joined,
    touching.reason,
    aliases.is_of_both,
from touching
inner join aliases on aliases.url_key = touching.url_key
order by
    aliases.is_of_both desc,
    touching.url_key,
    touching.declaring_key
limit 50
