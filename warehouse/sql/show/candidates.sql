-- One row per article that may be the same story.
select
    case when article_key = $key then other_url else url end as url,
    case when article_key = $key then other_title else title end as title,
    reason,
from main.match_candidate
where
    article_key = $key
    or other_article_key = $key
order by url
