-- One row per run, the latest 40, the oldest first.
with

latest as (
    select *
    from ops.run
    order by as_of desc
    limit 40
)

select
    as_of,
    status,
    documents_seen,
    documents_new,
    documents_changed,
    documents_touched,
    documents_unchanged,
    documents_quarantined,
    documents_removed,
    documents_seen
        = documents_new + documents_changed + documents_touched + documents_unchanged + documents_quarantined
        as is_balanced
from latest
order by as_of
