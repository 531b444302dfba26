-- Which articles have left: no document mentions them any more?
-- One row per departed article, the latest first; its values are those of the last versions that mentioned it.
-- $rows integer = 100: the most articles to list.
select
    last_seen_at,
    title,
    provider_domain,
    is_root,
    round((epoch(last_seen_at) - epoch(first_seen_at)) / 86400.0, 1) as days_present,
    url
from main.articles
where not is_current
order by
    last_seen_at desc,
    url_key
limit $rows
