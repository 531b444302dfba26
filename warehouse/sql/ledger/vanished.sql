-- One row per source that had documents and shows none now: its name and how many it had. Documents below folders of
-- which nothing is known are not counted.
-- A document is there as far as the ledger knows: its last event is no removal, or it could not be accepted when it was
-- last seen.
with

there as (
    select document.source, document.path
    from ledger.document as document
    where
        document.document_id in (
            select document_id from ledger.event group by document_id having arg_max(content_id is not null, as_of)
        )
        or document.document_id in (select document_id from ledger.problem where cleared_at is null)
),

absent_folder as (
    select unnest($names::varchar[]) as source, unnest($prefixes::varchar[]) as prefix
)

select there.source, count(*) as document_count
from there
left join absent_folder on absent_folder.source = there.source and starts_with(there.path, absent_folder.prefix)
where list_contains($sources::varchar[], there.source) and absent_folder.source is null
group by there.source
order by there.source
