-- Makes a view: one row per document that is there as far as the ledger knows. Its last event is no removal, or it could
-- not be accepted when it was last seen.
create or replace temp view document_there as
select document.source, document.path
from ledger.document as document
where
    document.document_id in (
        select document_id from ledger.event group by document_id having arg_max(content_id is not null, as_of)
    )
    or document.document_id in (select document_id from ledger.problem where cleared_at is null);
