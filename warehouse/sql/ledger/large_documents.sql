-- By how many bytes the largest documents, of as many as DuckDB reads rows at a time, are longer than 65 kB each. So many
-- texts of 65 kB fit into the least memory that a build has.
with

largest as (
    select byte_count - 65_000 as excess
    from ledger.event
    where byte_count > 65_000
    order by byte_count desc
    limit 2048
)

select coalesce(sum(excess), 0)::bigint as byte_count
from largest
