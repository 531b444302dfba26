-- Which providers are uneven: whose quality swings most from article to article?
-- One row per provider with enough rated articles; the swing is the sample standard deviation.
-- $least integer = 3: the fewest rated articles that a provider must have.
with

rated as (
    select
        provider_key,
        count(quality) as rated_count,
        min(quality) as lowest,
        median(quality) as middle,
        max(quality) as highest,
        stddev_samp(quality) as swing
    from main.fact_article
    where provider_key is not null
    group by provider_key
    having count(quality) >= $least
)

select
    provider.domain,
    provider.name,
    rated.rated_count,
    rated.lowest as lowest_quality,
    rated.middle as median_quality,
    rated.highest as highest_quality,
    round(rated.swing, 1) as quality_swing
from rated
inner join main.dim_provider as provider on provider.provider_key = rated.provider_key
order by
    quality_swing desc,
    provider.domain
