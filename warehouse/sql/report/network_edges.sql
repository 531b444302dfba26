-- One row per pair of the articles given, those of network_articles, of which one lists the other, or both do.
with

newest as (
    select unnest($article_keys::bigint[]) as article_key
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
