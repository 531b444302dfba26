-- How many documents a release as of $shown_as_of shows, and how many of them are gone as of $as_of.
with states as (
    select
        document_id,
        arg_max(coalesce(content_id, -1), as_of) filter (where as_of <= $shown_as_of) as shown,
        arg_max(coalesce(content_id, -1), as_of) filter (where as_of <= $as_of) as now
    from ledger.event
    group by document_id
)
select count(*) filter (where shown <> -1), count(*) filter (where shown <> -1 and now = -1)
from states
