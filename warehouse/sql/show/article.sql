-- One row: the article and its measures; lists as lists.
select
    article.*,
    provider.domain as provider,
    provider.name as provider_name,
    fact.published_at,
    fact.quality,
    fact.heat,
    fact.is_published,
    fact.image_count,
    fact.related_count,
    fact.mention_count,
    fact.cited_by_count,
    (
        select list(topic.topic order by topic.topic)
        from main.bridge_article_topic as bridge
        inner join main.dim_topic as topic on topic.topic_key = bridge.topic_key
        where bridge.article_key = $key
    ) as topics,
    (
        select list(image.url order by bridge.position)
        from main.bridge_article_image as bridge
        inner join main.dim_image as image on image.image_key = bridge.image_key
        where bridge.article_key = $key
    ) as images,
from main.dim_article as article
inner join main.fact_article as fact on fact.article_key = article.article_key
left join main.dim_provider as provider on provider.provider_key = fact.provider_key
where article.article_key = $key
