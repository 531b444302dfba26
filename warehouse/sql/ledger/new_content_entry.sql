-- The mentions of contents that the ledger does not hold. Before new_content, by which they are known.
insert into ledger.content_entry by name
with firsts as (
    select min(ref) as ref, key_of_digest(content_digest) as content_id
    from documents
    where outcome = 'good'
    group by content_digest
)
select firsts.content_id, mentions.position, mentions.entry_id
from firsts
inner join mentions on mentions.ref = firsts.ref
anti join ledger.content as known on known.content_id = firsts.content_id
