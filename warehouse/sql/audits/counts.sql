-- Breaks where a count of fact_article is not the count of the rows that it speaks of.
with

mentions as (
    select article_key, count(*) as row_count from main.fact_mention group by article_key
),

topics as (
    select article_key, count(*) as row_count from main.bridge_article_topic group by article_key
),

images as (
    select article_key, count(*) as row_count from main.bridge_article_image group by article_key
)

select fact.article_key
from main.fact_article as fact
left join mentions on mentions.article_key = fact.article_key
left join topics on topics.article_key = fact.article_key
left join images on images.article_key = fact.article_key
where
    fact.mention_count <> coalesce(mentions.row_count, 0)
    or fact.topic_count <> coalesce(topics.row_count, 0)
    or fact.image_count <> coalesce(images.row_count, 0)
