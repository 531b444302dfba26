-- One row per article that owns a URL, asked by its key, or by its spelling where the policy makes no key of it; an alias
-- that no article owns has one row with NULL.
select distinct
    article_url.url_key,
    article_url.article_key,
from main.article_url as article_url
where
    article_url.url_key = $url_key
    or article_url.url_raw = $name
order by
    article_url.article_key nulls last
