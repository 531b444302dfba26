-- How do quality and heat develop from month to month of publication?
-- One row per month with an article; each average is over the rated articles, whose number stands beside it.
select
    date_trunc('month', published_at)::date as month,
    count(*) as article_count,
    count(quality) as quality_rated_count,
    round(avg(quality), 1) as average_quality,
    median(quality) as median_quality,
    count(heat) as heat_rated_count,
    round(avg(heat), 1) as average_heat,
    max(heat) as highest_heat
from main.fact_article
where published_at is not null
group by month
order by month
