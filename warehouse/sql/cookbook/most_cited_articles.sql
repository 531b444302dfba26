-- Which articles do the most other stories list as related?
-- One row per article, the 50 most cited; each document of another article that lists it counts once.
select
    title,
    provider_domain,
    published_date,
    cited_by_count,
    is_root,
    quality,
    url
from main.articles
where cited_by_count > 0
order by
    cited_by_count desc,
    url_key
limit 50
