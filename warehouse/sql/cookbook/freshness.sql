-- How fresh is this release?
-- One row: when it was made, as of when it speaks, what it holds, and how old the news and the file are. Times are UTC.
with

newest as (
    select
        max(published_at) filter (where published_at <= release.as_of) as published_at,
        max(first_seen_at) as first_seen_at
    from main.articles
    cross join ops.release as release
    where is_current
),

changed as (
    select max(greatest(changed_at, removed_at)) as at
    from main.dim_document
)

select
    release.release_id,
    release.as_of,
    release.built_at,
    round((epoch(now()) - epoch(release.as_of)) / 3600.0, 1) as hours_old,
    changed.at as last_document_change_at,
    newest.first_seen_at as newest_article_first_seen_at,
    newest.published_at as newest_published_at,
    round((epoch(release.as_of) - epoch(newest.published_at)) / 86400.0, 1) as news_days_behind,
    release.document_count,
    release.article_count,
    release.mention_count
from ops.release as release
cross join newest
cross join changed
