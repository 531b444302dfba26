-- One row per ten points of quality, up to the highest: how many articles are rated so.
select
    quality // 10 * 10 as quality_from,
    (quality // 10 * 10)::hugeint + 10 as quality_to,
    count(*) as article_count
from main.fact_article
where quality is not null
group by
    quality_from,
    quality_to
order by quality_from
