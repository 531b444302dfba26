-- Which topics are on the rise?
-- One row per topic: its articles in the last four weeks of coverage against the four weeks before them.
with

newest as (
    select max(topic_daily.date) as date
    from main.topic_daily
    inner join ops.release as release on topic_daily.date <= release.as_of
),

counted as (
    select
        topic_daily.topic,
        coalesce(sum(topic_daily.article_count) filter (where topic_daily.date > newest.date - 28), 0)::bigint
            as last_four_weeks,
        coalesce(sum(topic_daily.article_count) filter (where topic_daily.date <= newest.date - 28), 0)::bigint
            as four_weeks_before
    from main.topic_daily
    inner join newest on topic_daily.date > newest.date - 56 and topic_daily.date <= newest.date
    group by topic_daily.topic
)

select
    topic,
    last_four_weeks,
    four_weeks_before,
    last_four_weeks - four_weeks_before as difference
from counted
order by
    difference desc,
    topic
