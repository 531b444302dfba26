-- One row per source that had documents and shows none now: its name and how many it had. Documents below folders of
-- which nothing is known are not counted.
with

absent_folder as (
    select unnest($names::varchar[]) as source, unnest($prefixes::varchar[]) as prefix
)

select there.source, count(*) as document_count
from document_there as there
left join absent_folder on absent_folder.source = there.source and starts_with(there.path, absent_folder.prefix)
where list_contains($sources::varchar[], there.source) and absent_folder.source is null
group by there.source
order by there.source
