-- One row per topic, the 15 with the most articles.
select
    topic.topic,
    count(*) as article_count,
    round(avg(fact.quality), 1) as average_quality,
    max(fact.published_at) as newest_published_at
from main.bridge_article_topic as bridge
inner join main.dim_topic as topic on topic.topic_key = bridge.topic_key
inner join main.fact_article as fact on fact.article_key = bridge.article_key
group by topic.topic
order by
    article_count desc,
    topic.topic
limit 15
