-- Breaks where spans of one document, article and role overlap, or meet without a reason (the document's own article is
-- the same in both), or where is_current does not say whether the end is open: a count at a moment would be wrong.
with

followed as (
    select
        *,
        lag(coalesce(valid_to, 'infinity'::timestamp)) over by_time as end_before,
        lag(root_article_key) over by_time as root_before,
    from main.mention_history
    window by_time as (partition by document_key, article_key, role order by valid_from)
)

select
    document_key,
    article_key,
    role,
    valid_from,
from followed
where
    valid_from < end_before
    or (valid_from = end_before and root_article_key = root_before)
    or is_current <> (valid_to is null)
    or (role = 'root' and article_key <> root_article_key)
