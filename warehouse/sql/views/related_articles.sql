-- One row per edge: a document's root article and another article that its related list holds.
with

edges as (
    select
        document_key,
        root_article_key as article_key,
        article_key as related_article_key,
        min(position) as position
    from main.fact_mention
    where role = 'related' and article_key <> root_article_key
    group by document_key, root_article_key, article_key
)

select
    edges.document_key,
    edges.article_key,
    edges.related_article_key,
    edges.position,
    article.title,
    related.title as related_title,
    provider.domain as provider_domain,
    related_provider.domain as related_provider_domain,
    fact.published_at,
    related_fact.published_at as related_published_at,
    (epoch(related_fact.published_at) - epoch(fact.published_at)) / 86400.0 as days_between
from edges
left join main.dim_article as article on article.article_key = edges.article_key
left join main.dim_article as related on related.article_key = edges.related_article_key
left join main.fact_article as fact on fact.article_key = edges.article_key
left join main.fact_article as related_fact on related_fact.article_key = edges.related_article_key
left join main.dim_provider as provider on provider.provider_key = fact.provider_key
left join main.dim_provider as related_provider on related_provider.provider_key = related_fact.provider_key
