-- Stages a problem for each document that kept changing while it was read.
insert into temp.staged_problem by name
select
    document_id,
    'document' as scope,
    '' as field,
    'unstable' as reason,
    'a file that does not change while it is read' as expected
from documents
where outcome = 'unstable'
