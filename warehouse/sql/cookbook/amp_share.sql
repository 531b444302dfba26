-- What share of each provider's articles is known under an AMP address?
-- One row per provider with an article that has an address; an AMP cache's copy counts as AMP.
with

addresses as (
    select
        article_key,
        bool_or(kind in ('amp', 'amp_cache')) as has_amp,
        bool_or(kind = 'amp_cache') as has_amp_cache
    from main.article_url
    where article_key is not null
    group by article_key
)

select
    coalesce(provider.domain, '(unknown)') as domain,
    count(*) as article_count,
    count(*) filter (where addresses.has_amp) as amp_count,
    count(*) filter (where addresses.has_amp_cache) as amp_cache_count,
    round(count(*) filter (where addresses.has_amp) / count(*), 3) as amp_share
from addresses
inner join main.fact_article as fact on fact.article_key = addresses.article_key
left join main.dim_provider as provider on provider.provider_key = fact.provider_key
group by provider.domain
order by
    article_count desc,
    domain
