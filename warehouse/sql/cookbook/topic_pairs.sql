-- Which topics go together?
-- One row per pair of topics on one article; lift over 1 means that they meet more often than by chance.
with

topics as (
    select
        topic_key,
        count(*) as article_count
    from main.bridge_article_topic
    group by topic_key
),

total as (
    select count(distinct article_key) as article_count
    from main.bridge_article_topic
),

pairs as (
    select
        one.topic_key,
        other.topic_key as other_topic_key,
        count(*) as article_count
    from main.bridge_article_topic as one
    inner join main.bridge_article_topic as other
        on other.article_key = one.article_key and other.topic_key > one.topic_key
    group by
        one.topic_key,
        other.topic_key
)

select
    least(one.topic, other.topic) as topic,
    greatest(one.topic, other.topic) as other_topic,
    pairs.article_count,
    round(
        pairs.article_count * total.article_count / (one_count.article_count * other_count.article_count), 2
    ) as lift
from pairs
cross join total
inner join main.dim_topic as one on one.topic_key = pairs.topic_key
inner join main.dim_topic as other on other.topic_key = pairs.other_topic_key
inner join topics as one_count on one_count.topic_key = pairs.topic_key
inner join topics as other_count on other_count.topic_key = pairs.other_topic_key
order by
    pairs.article_count desc,
    topic,
    other_topic
limit 100
