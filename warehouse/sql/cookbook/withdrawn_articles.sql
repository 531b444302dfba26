-- Which articles has their publisher withdrawn, and who still lists them?
-- One row per withdrawn article: its own document says `removed: true`.
select
    title,
    provider_domain,
    published_date,
    cited_by_count as still_listed_by_count,
    is_current,
    first_seen_at,
    last_seen_at,
    url
from main.articles
where is_withdrawn
order by
    still_listed_by_count desc,
    url_key
