-- Breaks where the history's current span says other than the dimensions and facts, or is missing, or is there for an
-- article that has left.
select
    article.article_key,
    history.valid_from
from main.dim_article as article
inner join main.fact_article as fact on fact.article_key = article.article_key
left join main.article_history as history on history.article_key = article.article_key and history.is_current
where
    (history.article_key is null) <> (article.last_seen_at is not null)
    or (
        history.article_key is not null
        and (
            history.title is distinct from article.title
            or history.provider_key is distinct from fact.provider_key
            or history.quality is distinct from fact.quality
            or history.heat is distinct from fact.heat
            or history.is_published is distinct from fact.is_published
        )
    )
