-- How many articles of a release are withdrawn, and how many notices it tells.
select
    (select count(*) from news.main.dim_article where is_withdrawn),
    (select count(*) from news.ops.notice)
