-- One row per day of the whole years that hold every published date of any article or mention and every as-of at which
-- a document changed: one calendar for all roles that a date plays.
with

moments as (
    select entry.published_at as moment_at
    from base.entry as entry
    inner join work.used_entry as used_entry on used_entry.entry_id = entry.entry_id
    union all
    select valid_from as moment_at from work.version
    union all
    select valid_to as moment_at from work.version
    union all
    select moment_at from base.calendar
),

bounds as (
    select
        date_trunc('year', min(moment_at))::date as first_date,
        (date_trunc('year', max(moment_at)) + interval 1 year - interval 1 day)::date as last_date,
    from moments
    having min(moment_at) is not null
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
    isoyear(date)::integer as iso_year,
    week(date)::integer as iso_week,
    day(date)::integer as day,
    isodow(date)::integer as day_of_week,
    dayname(date) as day_name,
    isodow(date) >= 6 as is_weekend,
from days
