-- How many articles changed since a moment, for a release that was compared with none: as added counts at least what it
-- has more than the release before had. Without a moment all are added.
select
    greatest(
        count(*) filter (where $since::timestamp is null or first_seen_at > $since),
        count(*) - $article_count
    ),
    (
        select count(distinct history.article_key)
        from news.main.article_history as history
        inner join news.main.dim_article as article on article.article_key = history.article_key
        where history.valid_from > $since and article.first_seen_at <= $since
    ),
    count(*) filter (where last_seen_at > $since)
from news.main.dim_article
