-- Which providers break a story, and which follow, and by how much?
-- One row per provider. A story is a document's article with those that it lists, published within some days of it;
-- the provider of the earliest leads, the others follow. Stories of one provider alone say nothing and are left out.
-- $days integer = 7: how many days may lie between.
with

told as (
    select
        mention.document_key,
        fact.provider_key,
        min(fact.published_at) as first_at
    from main.fact_mention as mention
    inner join main.fact_article as fact on fact.article_key = mention.article_key
    inner join main.fact_article as root on root.article_key = mention.root_article_key
    where
        fact.provider_key is not null
        and abs(epoch(fact.published_at) - epoch(root.published_at)) <= $days * 86400
    group by
        mention.document_key,
        fact.provider_key
),

stories as (
    select
        document_key,
        min(first_at) as broken_at
    from told
    group by document_key
    having count(*) > 1
),

providers as (
    select
        told.provider_key,
        count(*) as story_count,
        count(*) filter (where told.first_at = stories.broken_at) as led_count,
        avg((epoch(told.first_at) - epoch(stories.broken_at)) / 3600.0)
            filter (where told.first_at > stories.broken_at) as hours_behind
    from told
    inner join stories on stories.document_key = told.document_key
    group by told.provider_key
)

select
    provider.domain,
    provider.name,
    providers.story_count,
    providers.led_count,
    providers.story_count - providers.led_count as followed_count,
    round(providers.led_count / providers.story_count, 3) as led_share,
    round(providers.hours_behind, 1) as average_hours_behind
from providers
inner join main.dim_provider as provider on provider.provider_key = providers.provider_key
order by
    providers.story_count desc,
    led_share desc,
    provider.domain
