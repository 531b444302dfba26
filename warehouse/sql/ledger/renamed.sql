-- One row per source that is new and holds mostly paths of one that is not given: that one's name, its own, how many.
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

given as (
    select unnest($given::varchar[]) as source
),

fresh as (
    select absent_file.source, absent_file.path
    from absent_file
    where absent_file.source not in (select source from ledger.document)
)

select there.source as old_source, fresh.source as new_source, count(*) as path_count
from there
inner join fresh on fresh.path = there.path
where there.source not in (select source from given)
group by there.source, fresh.source
having count(*) * 2 > (select count(*) from fresh as other where other.source = fresh.source)
order by all
