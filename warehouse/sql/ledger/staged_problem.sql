-- Stages the batch's problems.
insert into temp.staged_problem by name
select documents.document_id, problems.* exclude (ref)
from problems inner join documents on documents.ref = problems.ref
