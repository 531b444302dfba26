-- Breaks where a day of fact_article is not that of the time that it stands for: one calendar serves three roles, and a
-- chart by day would tell another story than one by time.
with

days as (
    select
        fact.article_key,
        fact.published_date_key,
        fact.published_at::date as published_date,
        fact.first_seen_date_key,
        article.first_seen_at::date as first_seen_date,
        fact.last_seen_date_key,
        article.last_seen_at::date as last_seen_date,
    from main.fact_article as fact
    inner join main.dim_article as article on article.article_key = fact.article_key
)

select days.article_key
from days
left join main.dim_date as published on published.date_key = days.published_date_key
left join main.dim_date as first_seen on first_seen.date_key = days.first_seen_date_key
left join main.dim_date as last_seen on last_seen.date_key = days.last_seen_date_key
where
    published.date is distinct from days.published_date
    or first_seen.date is distinct from days.first_seen_date
    or last_seen.date is distinct from days.last_seen_date
