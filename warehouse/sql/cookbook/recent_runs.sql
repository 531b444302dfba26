-- How did the recent runs go, and does each one's balance hold?
-- One row per run, the latest first: documents seen = new + changed + touched + unchanged + quarantined.
-- $rows integer = 30: the most runs to list.
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
        as is_balanced,
    mentions,
    articles,
    round(epoch(finished_at) - epoch(started_at), 1) as run_seconds
from ops.run
order by as_of desc
limit $rows
