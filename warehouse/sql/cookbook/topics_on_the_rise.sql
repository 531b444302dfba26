-- Which topics are on the rise?
-- One row per topic: its articles in the last days of coverage against as many days before them.
-- $days integer = 28: how many days are compared.
with

newest as (
    select max(topic_daily.date) as date
    from main.topic_daily
    inner join ops.release as release on topic_daily.date <= release.as_of
),

daily as (
    select
        topic_daily.topic,
        topic_daily.article_count,
        topic_daily.date > newest.date - $days::integer as is_recent
    from main.topic_daily
    inner join newest on topic_daily.date > newest.date - 2 * $days::integer and topic_daily.date <= newest.date
),

counted as (
    select
        topic,
        coalesce(sum(article_count) filter (where is_recent), 0)::bigint as recent_count,
        coalesce(sum(article_count) filter (where not is_recent), 0)::bigint as before_count
    from daily
    group by topic
)

select
    topic,
    recent_count,
    before_count,
    recent_count - before_count as difference
from counted
order by
    difference desc,
    topic
