-- Which articles do the most other stories list as related?
-- One row per article, the most cited; each document of another article that lists it counts once.
-- $rows integer = 50: the most articles to list.
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
limit $rows
