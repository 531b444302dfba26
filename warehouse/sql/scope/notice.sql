-- The notices about documents together that stay as they are in the base: those whose key is outside the scope.
with

told as (
    select
        notice.*,
        surrogate_key(notice.source || chr(0) || notice.path) as document_key,
        coalesce(try_cast(regexp_extract(notice.field, '^related\[(\d+)\]', 1) as integer) + 1, 0) as position,
    from previous.ops.notice as notice
    where notice.reason in ('front_page', 'fragment_only')
)

select told.* exclude (document_key, position, last_seen_at)
from told
inner join previous.main.fact_mention as fact
    on fact.document_key = told.document_key and fact.position = told.position
inner join previous.main.article_url as article_url on article_url.url_raw = fact.url_raw
anti join base.key as key on key.own_key = article_url.own_key
