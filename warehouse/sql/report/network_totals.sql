-- One row: how many documents list how many articles, and what share of the entries between documents is returned.
with

edges as (
    select distinct
        root_article_key as article_key,
        article_key as related_article_key
    from main.fact_mention
    where
        role = 'related'
        and article_key <> root_article_key
)

select
    count(distinct edges.article_key) as listing_count,
    count(*) as edge_count,
    count(distinct edges.related_article_key) as listed_count,
    count(returned.article_key) as returned_count
from edges
left join edges as returned
    on returned.article_key = edges.related_article_key and returned.related_article_key = edges.article_key
