-- One row per article: since when it is mentioned, and whether it still is. left_at NULL: it is.
with

lives as (
    select
        article_key,
        min(valid_from) as first_seen_at,
        max(valid_from) as latest_at,
        max(valid_to) as latest_end_at,
        bool_or(valid_to is null) as is_current,
    from work.mention
    group by article_key
)

select
    article_key,
    first_seen_at,
    case when not is_current then latest_end_at end as left_at,
    is_current,
    latest_at > first_seen_at or latest_end_at is not null as is_eventful,
from lives
