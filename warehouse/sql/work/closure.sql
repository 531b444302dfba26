-- One row per url_key that a pair holds, with the smallest key of its component. Here are the pairs that share no key with
-- another; the connected-components routine adds those of work.tangled_edge.
with

lone as (
    select
        alias_edge.url_key,
        alias_edge.alias_key,
    from work.alias_edge as alias_edge
    anti join work.tangled_edge as tangled_edge
        on
            tangled_edge.url_key = alias_edge.url_key
            and tangled_edge.alias_key = alias_edge.alias_key
)

select
    unnest([url_key, alias_key]) as url_key,
    least(url_key, alias_key) as component,
from lone
