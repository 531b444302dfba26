-- Breaks where the view has not just the rows of dim_article: it fans out, or loses some.
select *
from (
    select
        (select count(*) from main.articles) as view_rows,
        (select count(*) from main.dim_article) as expected_rows
)
where view_rows <> expected_rows
