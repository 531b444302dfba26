-- One row per release's as-of, the latest 40: mean quality and heat of the articles mentioned then, and how many of
-- them were rated otherwise than just before.
with

moments as (
    select distinct as_of
    from ops.run
    where status = 'published'
    order by as_of desc
    limit 40
),

spans as (
    select
        *,
        lag(valid_to) over by_time = valid_from
            and (
                lag(quality) over by_time is distinct from quality
                or lag(heat) over by_time is distinct from heat
            ) as is_moved
    from main.article_history
    window by_time as (partition by article_key order by valid_from)
)

select
    moments.as_of,
    count(*) as article_count,
    round(avg(spans.quality), 2) as average_quality,
    round(avg(spans.heat), 2) as average_heat,
    count(*) filter (where spans.is_moved and spans.valid_from = moments.as_of) as moved_count
from moments
inner join spans
    on spans.valid_from <= moments.as_of and coalesce(spans.valid_to > moments.as_of, true)
group by moments.as_of
order by moments.as_of
