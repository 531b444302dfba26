-- One row per spelling of the article's URL.
select
    url_raw as url,
    url_key,
    kind,
    first_seen_at,
from main.article_url
where article_key = $key
order by
    list_position(['web', 'original', 'amp', 'amp_cache'], kind),
    first_seen_at,
    url_raw
