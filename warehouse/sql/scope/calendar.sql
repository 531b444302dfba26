-- The first and the last day of the base's calendar: a calendar only ever gets longer.
select unnest([min(date), max(date)])::timestamp as moment_at from previous.main.dim_date having min(date) is not null
