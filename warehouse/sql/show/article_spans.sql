-- One row per span of the article's history.
select
    history.valid_from,
    history.valid_to,
    history.title,
    provider.domain as provider,
    history.quality,
    history.heat,
    history.is_published,
from main.article_history as history
left join main.dim_provider as provider on provider.provider_key = history.provider_key
where history.article_key = $key
order by history.valid_from
