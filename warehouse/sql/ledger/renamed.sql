-- One row per source that is new and holds mostly paths of one that is not given: that one's name, its own, how many.
with

given as (
    select unnest($given::varchar[]) as source
),

fresh as (
    select absent_file.source, absent_file.path
    from absent_file
    where absent_file.source not in (select source from ledger.document)
)

select there.source as old_source, fresh.source as new_source, count(*) as path_count
from document_there as there
inner join fresh on fresh.path = there.path
where there.source not in (select source from given)
group by there.source, fresh.source
having count(*) * 2 > (select count(*) from fresh as other where other.source = fresh.source)
order by all
