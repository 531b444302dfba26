-- One row per alias that two or more identifying url_keys share, with those that declare it. An alias that identifies a
-- mention counts as one of them, so that one other is enough.
with

identifying_keys as (
    select distinct url_key from work.entry_url where is_identifying
),

aliases as (
    select
        alias_key,
        list(url_key order by url_key) as declaring_keys,
    from work.declared_alias
    group by alias_key
)

select
    aliases.alias_key,
    aliases.declaring_keys,
    identifying_keys.url_key is not null as is_identifying,
from aliases
left join identifying_keys on identifying_keys.url_key = aliases.alias_key
where
    len(aliases.declaring_keys) > 1
    or identifying_keys.url_key is not null
