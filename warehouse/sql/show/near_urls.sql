-- One row per article that a URL may have meant: its address agrees under a looser reading, or ends in the same segment.
with

spelled as (
    select
        article_key,
        min(case when loose_key = $loose_key then 0 else 1 end) as distance
    from main.article_url
    where
        article_key is not null
        and (
            loose_key = $loose_key
            or ends_with(split_part(rtrim(url_key, '/'), '?', 1), '/' || $ending)
        )
    group by article_key
)

select article.url
from spelled
inner join main.dim_article as article on article.article_key = spelled.article_key
order by
    spelled.distance,
    article.url_key
limit 5
