-- Breaks where a run has seen documents that it did not class: something was lost in silence. Dashboards that watch
-- the runs add these columns up.
select
    run_id,
    documents_seen,
    documents_new + documents_changed + documents_touched + documents_unchanged + documents_quarantined as classed
from ops.run
where documents_seen <> documents_new + documents_changed + documents_touched + documents_unchanged + documents_quarantined
