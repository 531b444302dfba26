-- One row per image of a touched entry.
select distinct
    url,
    surrogate_key(url) as image_key,
from (select unnest(image_urls) as url from base.touched)
