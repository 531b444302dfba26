-- What has changed since the last release?
-- One row per change that people read, headlines first, then articles that came, left or are others now, then scores;
-- what became known or unknown (a flag from NULL to false), and all that is neither, is summed up in one row per field
-- at the end, `articles` telling of how many. ops.release_change has every single one. A release that was compared with
-- none has no row: ops.release says why.
with

ranked as (
    select
        *,
        list_position(
            ['headline', 'added', 'returned', 'departed', 'merged', 'split', 'score', 'published', 'document', 'other'],
            kind
        ) as place,
        kind in ('added', 'returned', 'departed', 'merged', 'split')
        or kind = 'headline'
        or (kind in ('score', 'published') and before is not null and after is not null) as is_told
    from ops.release_change
),

told as (
    select
        place,
        kind,
        field,
        article_key,
        before,
        after,
        1 as articles
    from ranked
    where is_told
),

summed_up as (
    select
        10 + place as place,
        kind,
        field,
        null::bigint as article_key,
        null::varchar as before,
        null::varchar as after,
        count(distinct article_key)::integer as articles
    from ranked
    where not is_told
    group by
        place,
        kind,
        field
),

changes as (
    select * from told
    union all
    select * from summed_up
)

select
    changes.kind,
    changes.field,
    changes.articles,
    changes.before,
    changes.after,
    article.title,
    article.url
from changes
left join main.dim_article as article on article.article_key = changes.article_key
order by
    changes.place,
    changes.articles desc,
    changes.field,
    article.url_key,
    changes.before
