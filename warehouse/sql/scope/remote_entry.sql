-- One row per entry that is there for what it says of images and providers alone: it speaks of no article of the scope,
-- and stands in no document that is made anew. Its article is that of the base.
with

owners as (
    select distinct
        own_key,
        article_key,
    from previous.main.article_url
    where article_key is not null
)

select
    described.entry_id,
    owners.article_key,
    described.is_pictured,
from base.described_entry as described
inner join ledger.entry_key as entry_key on entry_key.entry_id = described.entry_id and entry_key.is_identifying
inner join owners on owners.own_key = entry_key.own_key
anti join base.weighed_entry as weighed on weighed.entry_id = described.entry_id
anti join base.redone_entry as redone on redone.entry_id = described.entry_id
