-- One row per article that may be the same story.
select
    case when article_key = $article_key then other_url else url end as url,
    case when article_key = $article_key then other_title else title end as title,
    reason,
from main.match_candidate
where
    article_key = $article_key
    or other_article_key = $article_key
order by url
