-- One row per provider, the 15 with the most articles.
select
    domain,
    name,
    article_count,
    root_count,
    cited_by_count,
    round(average_quality, 1) as average_quality
from main.provider_summary
order by
    article_count desc,
    domain
limit 15
