-- Where are pictures missing?
-- One row per provider with an article that lacks an image; only articles that are still mentioned count.
select
    coalesce(provider_domain, '(unknown)') as domain,
    count(*) as article_count,
    count(*) filter (where image_count = 0) as missing_count,
    round(count(*) filter (where image_count = 0) / count(*), 3) as missing_share,
    count(*) filter (where image_count = 0 and is_root) as missing_with_document_count
from main.articles
where is_current
group by provider_domain
having count(*) filter (where image_count = 0) > 0
order by
    missing_count desc,
    domain
