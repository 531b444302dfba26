-- One row per entry that speaks of no article of the scope, but holds an image of a touched entry, or tells of a provider
-- about which entries differ. Its article is that of the base.
with

pictured as (
    select distinct entry.entry_id
    from (select entry_id, unnest(images).url as url from ledger.entry where len(images) > 0) as entry
    semi join base.touched_image as image on image.url = entry.url
),

telling as (
    select entry.entry_id
    from ledger.entry as entry
    semi join (select provider_domain from base.provider where is_contested) as provider
        on provider.provider_domain = entry.provider_domain
),

remote as (
    select entry_id from pictured
    union
    select entry_id from telling
),

owners as (
    select distinct
        own_key,
        article_key,
    from previous.main.article_url
    where article_key is not null
)

select
    remote.entry_id,
    owners.article_key,
    pictured.entry_id is not null as is_pictured,
from remote
left join pictured on pictured.entry_id = remote.entry_id
inner join ledger.entry_key as entry_key on entry_key.entry_id = remote.entry_id and entry_key.is_identifying
inner join owners on owners.own_key = entry_key.own_key
anti join base.weighed_entry as weighed on weighed.entry_id = remote.entry_id
anti join base.redone_entry as redone on redone.entry_id = remote.entry_id
