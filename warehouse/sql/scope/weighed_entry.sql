-- One row per entry of which every mention counts: it speaks of an article of the scope or declares an alias that is
-- weighed, holds an image of a touched entry, or tells of a provider about which entries differ.
select entry_key.entry_id
from ledger.entry_key as entry_key
semi join base.alias as alias on alias.own_key = entry_key.own_key
union
select entry.entry_id
from (select entry_id, unnest(images).url as url from ledger.entry where len(images) > 0) as entry
semi join base.touched_image as image on image.url = entry.url
union
select entry.entry_id
from ledger.entry as entry
semi join (select provider_domain from base.provider where is_contested) as provider
    on provider.provider_domain = entry.provider_domain
