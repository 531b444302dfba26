-- Brings ledger.problem up to date with what a run found: which problems go on, which are mended, which are new. A
-- problem keeps the moment at which it was first seen for as long as it goes on, and its row after it was mended. It is
-- the same one while document, field, reason and offending text are; its line may move.

create or replace temp table continued as
select
    problem.document_id,
    problem.field,
    problem.reason,
    problem.found,
    min(problem.first_seen_at) as first_seen_at
from ledger.problem as problem
inner join staged_problem as staged
    on staged.document_id = problem.document_id
    and staged.field = problem.field
    and staged.reason = problem.reason
    and staged.found is not distinct from problem.found
where problem.cleared_at is null
group by all;

update ledger.problem set cleared_at = $as_of
where
    cleared_at is null
    and (
        document_id in (select document_id from desired_event where content_id is null)
        or document_id in (
            select document.document_id from ledger.document as document
            inner join given_source using (source)
            where document.document_id not in (select document_id from seen)
                and not exists (
                    select 1 from unlistable
                    where unlistable.source = document.source and starts_with(document.path, unlistable.prefix)
                )
        )
        or document_id in (
            select document_id from staged_document where outcome not in ('same_bytes', 'vanished', 'unstable')
        )
    )
    and not exists (
        select 1 from continued
        where continued.document_id = problem.document_id
            and continued.field = problem.field
            and continued.reason = problem.reason
            and continued.found is not distinct from problem.found
    );

delete from ledger.problem
where
    cleared_at is null
    and exists (
        select 1 from continued
        where continued.document_id = problem.document_id
            and continued.field = problem.field
            and continued.reason = problem.reason
            and continued.found is not distinct from problem.found
    );

update ledger.problem set last_seen_at = $as_of
where cleared_at is null and document_id in (select document_id from observed);

insert into ledger.problem by name
select
    staged.*,
    coalesce(continued.first_seen_at, $as_of) as first_seen_at,
    $as_of as last_seen_at
from staged_problem as staged
left join continued
    on continued.document_id = staged.document_id
    and continued.field = staged.field
    and continued.reason = staged.reason
    and continued.found is not distinct from staged.found;
