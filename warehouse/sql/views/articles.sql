-- One row per article: the flat table to point a BI tool at first.
with

article_topics as (
    select
        bridge.article_key,
        string_agg(topic.topic, ', ' order by topic.topic) as topics,
    from main.bridge_article_topic as bridge
    inner join main.dim_topic as topic on topic.topic_key = bridge.topic_key
    group by bridge.article_key
),

first_images as (
    select
        bridge.article_key,
        arg_min(image.url, bridge.position) as image_url,
    from main.bridge_article_image as bridge
    inner join main.dim_image as image on image.image_key = bridge.image_key
    group by bridge.article_key
)

select
    article.article_key,
    article.url_key,
    article.url,
    article.title,
    article.excerpt,
    article.category,
    article.content_type,
    provider.name as provider_name,
    provider.domain as provider_domain,
    article_topics.topics,
    first_images.image_url,
    fact.published_at,
    published.date as published_date,
    fact.quality,
    fact.heat,
    fact.is_published,
    article.is_root,
    article.is_withdrawn,
    article.last_seen_at is null as is_current,
    fact.image_count,
    fact.topic_count,
    fact.related_count,
    fact.mention_count,
    fact.cited_by_count,
    article.first_seen_at,
    article.last_seen_at
from main.dim_article as article
inner join main.fact_article as fact on fact.article_key = article.article_key
left join main.dim_provider as provider on provider.provider_key = fact.provider_key
left join main.dim_date as published on published.date_key = fact.published_date_key
left join article_topics on article_topics.article_key = article.article_key
left join first_images on first_images.article_key = article.article_key
