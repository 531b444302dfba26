-- Whose quality or heat has moved while we watched, and how far?
-- One row per article whose score differs between its first and its last rated span; the 50 largest moves.
with

scores as (
    select
        article_key,
        arg_min(quality, valid_from) as first_quality,
        arg_max(quality, valid_from) as last_quality,
        arg_min(heat, valid_from) as first_heat,
        arg_max(heat, valid_from) as last_heat,
        count(*) as span_count
    from main.article_history
    group by article_key
)

select
    article.title,
    scores.first_quality,
    scores.last_quality,
    scores.last_quality - scores.first_quality as quality_change,
    scores.first_heat,
    scores.last_heat,
    scores.last_heat - scores.first_heat as heat_change,
    scores.span_count,
    article.url
from scores
inner join main.dim_article as article on article.article_key = scores.article_key
where
    scores.first_quality <> scores.last_quality
    or scores.first_heat <> scores.last_heat
order by
    greatest(abs(coalesce(quality_change, 0)), abs(coalesce(heat_change, 0))) desc,
    article.url_key
limit 50
