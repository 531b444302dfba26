-- One row per article that may be drawn in the network: the 80 newest that are still mentioned.
select
    article_key,
    title,
    url,
    provider_domain,
    published_date,
    cited_by_count,
    is_root
from main.articles
where
    is_current
    and published_at is not null
order by
    published_at desc,
    url_key
limit 80
