-- One row per url_key that an article owns. The closure over all declared pairs is the article; its natural key is the
-- smallest (bytes) of its identifying url_keys, so that it depends on the set alone. work.closure names the component
-- of each key that a pair holds; any other key is an article of its own. An incremental build has base.owner: keys whose
-- owner stays that of the release before.
with

identifying_keys as (
    select distinct url_key from work.entry_url where is_identifying
),

components as (
    select
        closure.component,
        min(identifying_keys.url_key) as article_url_key,
    from work.closure as closure
    inner join identifying_keys on identifying_keys.url_key = closure.url_key
    group by closure.component
),

joined as (
    select
        closure.url_key,
        components.article_url_key,
    from work.closure as closure
    left join components on components.component = closure.component
),

alone as (
    select
        identifying_keys.url_key,
        identifying_keys.url_key as article_url_key,
    from identifying_keys
    anti join work.closure as closure on closure.url_key = identifying_keys.url_key
),

named as (
    select * from joined
    union all by name
    select * from alone
)

select
    named.url_key,
    named.article_url_key,
    surrogate_key(named.article_url_key) as article_key,
from named
anti join base.owner as owner on owner.url_key = named.url_key

union all

select
    url_key,
    article_url_key,
    article_key,
from base.owner
where article_key is not null
