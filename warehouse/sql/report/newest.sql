-- One row per story, the 6 newest: articles that are there, with a time of publication that the release has reached.
select
    article.title,
    article.url,
    article.provider_domain,
    article.published_at,
    article.is_root
from main.articles as article
inner join ops.release as release on article.published_at <= release.as_of
where
    article.is_current
    and article.is_withdrawn is not true
order by
    article.published_at desc,
    article.url_key
limit 6
