-- Breaks where the view has not just the rows of dim_provider: it fans out, or loses some.
select *
from (
    select
        (select count(*) from main.provider_summary) as view_rows,
        (select count(*) from main.dim_provider) as expected_rows
)
where view_rows <> expected_rows
