-- Adds the unknown fields that the ledger does not know, each with the first document that has it. The batch's table is
-- named in full, as the ledger has one of this name.
insert into ledger.drift by name
select drift.field, documents.source, documents.path, $as_of as first_seen_at
from temp.drift as drift inner join documents on documents.ref = drift.ref
where drift.field not in (select field from ledger.drift)
