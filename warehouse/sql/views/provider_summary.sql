-- One row per provider, those without an article included (they were named by older versions only).
select
    provider.provider_key,
    provider.domain,
    provider.name,
    count(fact.article_key)::integer as article_count,
    count(fact.article_key) filter (where article.is_root)::integer as root_count,
    coalesce(sum(fact.mention_count), 0)::integer as mention_count,
    coalesce(sum(fact.cited_by_count), 0)::integer as cited_by_count,
    avg(fact.quality) as average_quality,
    avg(fact.heat) as average_heat,
    min(fact.published_at) as first_published_at,
    max(fact.published_at) as last_published_at
from main.dim_provider as provider
left join main.fact_article as fact on fact.provider_key = provider.provider_key
left join main.dim_article as article on article.article_key = fact.article_key
group by
    provider.provider_key,
    provider.domain,
    provider.name
