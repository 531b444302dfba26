-- Breaks where dim_date has a gap or does not span whole years: counts by day would skip days without news.
with

bounds as (
    select
        min(date) as first_date,
        max(date) as last_date,
        count(*) as day_count
    from main.dim_date
)

select *
from bounds
where
    day_count > 0
    and (
        day_count <> last_date - first_date + 1
        or month(first_date) <> 1
        or day(first_date) <> 1
        or month(last_date) <> 12
        or day(last_date) <> 31
    )
