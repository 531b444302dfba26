-- How did the citations of the most cited articles develop?
-- One row per article and moment at which the number of documents that list it changed, of the articles that were ever
-- cited most. `cited_by_count` is what fact_article said as of that moment.
-- $articles integer = 10: how many articles to follow.
with

-- A document that lists an article of another adds one from the moment on, and takes it away when it ends.
steps as (
    select article_key, valid_from as changed_at, 1 as step
    from main.mention_history
    where role = 'related' and article_key <> root_article_key
    union all
    select article_key, valid_to as changed_at, -1 as step
    from main.mention_history
    where role = 'related' and article_key <> root_article_key and valid_to is not null
),

moments as (
    select
        article_key,
        changed_at,
        sum(step) as change
    from steps
    group by article_key, changed_at
    having sum(step) <> 0
),

counts as (
    select
        *,
        sum(change) over (partition by article_key order by changed_at) as cited_by_count
    from moments
),

most_cited as (
    select
        counts.article_key,
        max(counts.cited_by_count) as most
    from counts
    inner join main.dim_article as article on article.article_key = counts.article_key
    group by counts.article_key, article.url_key
    order by
        most desc,
        article.url_key
    limit $articles
)

select
    article.title,
    counts.changed_at,
    counts.cited_by_count::integer as cited_by_count,
    counts.change::integer as change,
    article.url
from counts
inner join most_cited on most_cited.article_key = counts.article_key
inner join main.dim_article as article on article.article_key = counts.article_key
order by
    most_cited.most desc,
    article.url_key,
    counts.changed_at
