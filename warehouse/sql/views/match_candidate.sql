-- One row per pair of articles that share a looser URL key: listed for people to judge, never merged.
with

loose as (
    select distinct
        article_key,
        loose_key
    from main.article_url
    where article_key is not null
),

pairs as (
    select
        one.article_key,
        other.article_key as other_article_key,
        min(one.loose_key) as loose_key
    from loose as one
    inner join loose as other on other.loose_key = one.loose_key
    where one.article_key < other.article_key
    group by
        one.article_key,
        other.article_key
)

select
    pairs.article_key,
    pairs.other_article_key,
    pairs.loose_key,
    one.url,
    other.url as other_url,
    one.title,
    other.title as other_title,
    provider.domain as provider_domain,
    other_provider.domain as other_provider_domain,
    (epoch(other_fact.published_at) - epoch(fact.published_at)) / 86400.0 as days_between
from pairs
left join main.dim_article as one on one.article_key = pairs.article_key
left join main.dim_article as other on other.article_key = pairs.other_article_key
left join main.fact_article as fact on fact.article_key = pairs.article_key
left join main.fact_article as other_fact on other_fact.article_key = pairs.other_article_key
left join main.dim_provider as provider on provider.provider_key = fact.provider_key
left join main.dim_provider as other_provider on other_provider.provider_key = other_fact.provider_key
