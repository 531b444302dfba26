-- One row per pair of the 80 newest articles of which one lists the other, or both do.
with

newest as (
    select article_key
    from main.articles
    where
        is_current
        and published_at is not null
    order by
        published_at desc,
        url_key
    limit 80
)

select distinct
    least(mention.root_article_key, mention.article_key) as article_key,
    greatest(mention.root_article_key, mention.article_key) as other_article_key
from main.fact_mention as mention
inner join newest as root on root.article_key = mention.root_article_key
inner join newest as listed on listed.article_key = mention.article_key
where mention.root_article_key <> mention.article_key
order by
    article_key,
    other_article_key
