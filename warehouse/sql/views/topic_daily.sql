-- One row per topic and publication day; the day is NULL for articles whose publication is unknown.
select
    topic.topic,
    published.date,
    count(*)::integer as article_count,
    avg(fact.quality) as average_quality,
    avg(fact.heat) as average_heat
from main.bridge_article_topic as bridge
inner join main.dim_topic as topic on topic.topic_key = bridge.topic_key
inner join main.fact_article as fact on fact.article_key = bridge.article_key
left join main.dim_date as published on published.date_key = fact.published_date_key
group by
    topic.topic,
    published.date
