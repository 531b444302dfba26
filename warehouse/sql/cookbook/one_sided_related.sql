-- Which related lists are one-sided: A lists B, but B's own document does not list A?
-- One row per article with a document that lists articles with documents; the 50 with the most unreturned entries.
with

roots as (
    select article_key
    from main.dim_article
    where is_root
),

edges as (
    select distinct
        mention.root_article_key as article_key,
        mention.article_key as related_article_key
    from main.fact_mention as mention
    inner join roots on roots.article_key = mention.article_key
    where
        mention.role = 'related'
        and mention.article_key <> mention.root_article_key
),

lists as (
    select
        edges.article_key,
        count(*) as listed_count,
        count(returned.article_key) as returned_count
    from edges
    left join edges as returned
        on returned.article_key = edges.related_article_key and returned.related_article_key = edges.article_key
    group by edges.article_key
)

select
    article.title,
    lists.listed_count,
    lists.returned_count,
    lists.listed_count - lists.returned_count as one_sided_count,
    round(1 - lists.returned_count / lists.listed_count, 3) as one_sided_share,
    article.url
from lists
inner join main.dim_article as article on article.article_key = lists.article_key
where lists.returned_count < lists.listed_count
order by
    one_sided_count desc,
    article.url_key
limit 50
