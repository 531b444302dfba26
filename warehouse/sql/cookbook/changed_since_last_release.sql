-- What has changed since the last release?
-- One row per article that is new, has come back, differs in title, provider, quality, heat or published flag, or has
-- left, after the as-of of the run that published before this release. A first release has nothing to compare with.
with

previous as (
    select max(run.as_of) as as_of
    from ops.run as run
    inner join ops.release as release on run.as_of < release.as_of
    where run.status = 'published'
),

-- The newest span of each article that moved, and the span that the last release showed, closed or not.
after as (
    select
        history.article_key,
        max_by(history, history.valid_from) as span
    from main.article_history as history
    inner join previous on history.valid_from > previous.as_of or history.valid_to > previous.as_of
    group by history.article_key
),

before as (
    select
        history.article_key,
        max_by(history, history.valid_from) as span
    from main.article_history as history
    inner join after on after.article_key = history.article_key
    inner join previous on history.valid_from <= previous.as_of
    group by history.article_key
)

select
    case
        when not after.span.is_current then 'left'
        when before.article_key is null then 'new'
        when before.span.valid_to <= previous.as_of then 'back'
        else 'changed'
    end as change,
    after.span.title,
    if(before.span.title <> after.span.title, before.span.title, null) as title_before,
    before_provider.domain as provider_before,
    provider.domain as provider,
    before.span.quality as quality_before,
    after.span.quality,
    before.span.heat as heat_before,
    after.span.heat,
    before.span.is_published as is_published_before,
    after.span.is_published,
    coalesce(after.span.valid_to, after.span.valid_from) as changed_at,
    article.url
from after
cross join previous
inner join main.dim_article as article on article.article_key = after.article_key
left join before on before.article_key = after.article_key
left join main.dim_provider as provider on provider.provider_key = after.span.provider_key
left join main.dim_provider as before_provider on before_provider.provider_key = before.span.provider_key
order by
    change,
    changed_at,
    article.url_key
