-- One row per headline that changed while the article was there, the latest 6.
with

spans as (
    select
        article_key,
        valid_from,
        title,
        lag(title) over by_time as before,
        lag(valid_to) over by_time = valid_from as is_next
    from main.article_history
    window by_time as (partition by article_key order by valid_from)
)

select
    spans.valid_from as changed_at,
    spans.before,
    spans.title as after,
    article.url,
    article.provider_domain
from spans
inner join main.articles as article on article.article_key = spans.article_key
where
    spans.is_next
    and spans.before <> spans.title
order by
    spans.valid_from desc,
    article.cited_by_count desc,
    article.url_key
limit 6
