-- One row per url_key that an article owns. The closure over all declared pairs is the article; its natural key is the
-- smallest (bytes) of its identifying url_keys, so that it depends on the set alone. work.closure names the component
-- of each key that a pair holds; any other key is a component of its own.
with

identifying_keys as (
    select distinct url_key from work.entry_url where is_identifying
),

known_keys as (
    select url_key from identifying_keys
    union
    select alias_key from work.alias_edge
),

members as (
    select
        known_keys.url_key,
        coalesce(closure.component, known_keys.url_key) as component,
        identifying_keys.url_key is not null as is_identifying,
    from known_keys
    left join work.closure as closure on closure.url_key = known_keys.url_key
    left join identifying_keys on identifying_keys.url_key = known_keys.url_key
),

named as (
    select
        url_key,
        min(url_key) filter (where is_identifying) over (partition by component) as article_url_key,
    from members
)

select
    url_key,
    article_url_key,
    surrogate_key(article_url_key) as article_key,
from named
