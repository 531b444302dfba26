-- Takes in the documents that were never seen before.
insert into ledger.document by name
select
    document_id,
    surrogate_key(source || chr(0) || path) as document_key,
    source,
    path
from seen
where is_unknown
