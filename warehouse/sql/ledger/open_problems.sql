-- One row per open problem, or notice, of a document; by source, path and place.
select document.source, document.path, problem.* exclude (document_id, position, scope, cleared_at)
from ledger.problem as problem
inner join ledger.document as document on document.document_id = problem.document_id
where problem.cleared_at is null and (problem.scope = 'notice') = $is_notice
order by document.source, document.path, problem.line nulls first, problem."column", problem.field, problem.reason,
    problem.found
