-- One row per period of publication: articles with a document of their own, and those that are only mentioned. The
-- period is a day, a week, a month or a year, whichever gives a readable number of bars.
with

published as (
    select
        article.is_root,
        fact.published_at
    from main.fact_article as fact
    inner join main.dim_article as article on article.article_key = fact.article_key
    where fact.published_at is not null
),

span as (
    select
        case
            when max(published_at) - min(published_at) < interval 60 days then 'day'
            when max(published_at) - min(published_at) < interval 420 days then 'week'
            when max(published_at) - min(published_at) < interval 2500 days then 'month'
            else 'year'
        end as unit
    from published
)

select
    span.unit,
    date_trunc(span.unit, published.published_at)::date as starts,
    (date_trunc(span.unit, published.published_at) + ('1 ' || span.unit)::interval)::date as ends,
    count(*) filter (where published.is_root) as with_document,
    count(*) filter (where not published.is_root) as only_mentioned
from published
cross join span
group by
    span.unit,
    starts,
    ends
order by starts
