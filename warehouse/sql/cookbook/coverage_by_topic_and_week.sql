-- How much was published on each topic, week by week?
-- One row per topic and ISO week with an article; weeks begin on Monday, articles without a known date are left out.
select
    topic.topic,
    date_trunc('week', fact.published_at)::date as week,
    count(*) as article_count,
    round(avg(fact.quality), 1) as average_quality
from main.bridge_article_topic as bridge
inner join main.dim_topic as topic on topic.topic_key = bridge.topic_key
inner join main.fact_article as fact on fact.article_key = bridge.article_key
where fact.published_at is not null
group by
    topic.topic,
    week
order by
    week desc,
    article_count desc,
    topic.topic
