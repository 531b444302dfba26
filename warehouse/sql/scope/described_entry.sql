-- One row per entry that holds an image of a touched entry, or tells of a provider about which entries differ: each
-- mention of it counts for what is said of them.
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
    union all
    select witness_id as entry_id
    from base.provider
    where witness_id is not null
),

described as (
    select entry_id, true as is_pictured from pictured
    union all
    select entry_id, false as is_pictured from telling
)

select
    entry_id,
    bool_or(is_pictured) as is_pictured,
from described
group by entry_id
