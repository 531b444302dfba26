-- Which articles do many list that have no document of their own?
-- One row per such article, the most cited: what an editor may want to add to the sources.
-- $rows integer = 50: the most articles to list.
select
    title,
    provider_domain,
    published_date,
    cited_by_count,
    quality,
    url
from main.articles
where
    not is_root
    and cited_by_count > 1
order by
    cited_by_count desc,
    quality desc nulls last,
    url_key
limit $rows
