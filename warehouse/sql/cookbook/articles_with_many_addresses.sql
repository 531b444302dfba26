-- Which articles are known under the most addresses?
-- One row per article with several spellings, the 50 with the most; look here first when a merge seems wrong.
with

counted as (
    select
        article_key,
        count(*) as spelling_count,
        count(distinct own_key) as key_count
    from main.article_url
    where article_key is not null
    group by article_key
    having count(*) > 1
),

most as (
    select
        counted.article_key,
        counted.spelling_count,
        counted.key_count,
        article.title,
        article.url,
        article.url_key
    from counted
    inner join main.dim_article as article on article.article_key = counted.article_key
    order by
        counted.key_count desc,
        counted.spelling_count desc,
        article.url_key
    limit 50
),

spellings as (
    select
        address.article_key,
        string_agg(address.url_raw, ' ' order by address.kind, address.url_raw) as spellings
    from main.article_url as address
    inner join most on most.article_key = address.article_key
    group by address.article_key
)

select
    most.title,
    most.spelling_count,
    most.key_count,
    most.url,
    spellings.spellings
from most
inner join spellings on spellings.article_key = most.article_key
order by
    most.key_count desc,
    most.spelling_count desc,
    most.url_key
