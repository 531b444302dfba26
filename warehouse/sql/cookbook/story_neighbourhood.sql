-- What lies around a story: what it lists, and what those list in turn?
-- One row per article within some steps of the start, with the fewest. The start is the article named, else that with a
-- document which is cited most.
-- $url_key text = null: the article to start from, by articles.url_key.
-- $steps integer = 2: how many steps to go.
with recursive

start as (
    select article_key
    from main.articles
    where
        url_key = $url_key
        or ($url_key is null and is_root and is_current)
    order by
        cited_by_count desc,
        related_count desc,
        url_key
    limit 1
),

reached (article_key, steps) as (
    select
        article_key,
        0
    from start
    union
    select
        mention.article_key,
        reached.steps + 1
    from reached
    inner join main.fact_mention as mention
        on mention.root_article_key = reached.article_key and mention.role = 'related'
    where reached.steps < $steps
),

nearest as (
    select
        article_key,
        min(steps) as steps
    from reached
    group by article_key
)

select
    nearest.steps,
    article.title,
    provider.domain as provider_domain,
    fact.published_at,
    fact.cited_by_count,
    article.is_root,
    article.url
from nearest
inner join main.dim_article as article on article.article_key = nearest.article_key
inner join main.fact_article as fact on fact.article_key = nearest.article_key
left join main.dim_provider as provider on provider.provider_key = fact.provider_key
order by
    nearest.steps,
    fact.cited_by_count desc,
    article.url_key
