-- What the largest documents hold in bytes: of as many as DuckDB reads rows at a time, those of over half a megabyte.
with

largest as (
    select byte_count
    from ledger.event
    where byte_count > 500_000
    order by byte_count desc
    limit 2048
)

select coalesce(sum(byte_count), 0)::bigint as byte_count
from largest
