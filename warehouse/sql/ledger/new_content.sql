-- The contents that the ledger does not hold.
insert into ledger.content by name
with found as (
    select distinct key_of_digest(content_digest) as content_id, content_digest
    from documents
    where outcome = 'good'
)
select found.* from found anti join ledger.content as known on known.content_id = found.content_id
