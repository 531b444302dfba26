-- One row per day of the whole years from the first to the last published date of any article or mention.
with

published as (
    select entry.published_at
    from ledger.entry as entry
    inner join work.used_entry as used_entry on used_entry.entry_id = entry.entry_id
),

bounds as (
    select
        date_trunc('year', min(published_at))::date as first_date,
        (date_trunc('year', max(published_at)) + interval 1 year - interval 1 day)::date as last_date,
    from published
    having min(published_at) is not null
),

days as (
    select unnest(generate_series(first_date, last_date, interval 1 day))::date as date from bounds
)

select
    (year(date) * 10000 + month(date) * 100 + day(date))::integer as date_key,
    date,
    year(date)::integer as year,
    quarter(date)::integer as quarter,
    month(date)::integer as month,
    monthname(date) as month_name,
    week(date)::integer as iso_week,
    day(date)::integer as day,
    isodow(date)::integer as day_of_week,
    dayname(date) as day_name,
    isodow(date) >= 6 as is_weekend,
from days
