-- One row per source.
select
    source,
    count(*) filter (where removed_at is null) as document_count
from main.dim_document
group by source
order by
    document_count desc,
    source
