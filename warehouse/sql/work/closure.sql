-- The shape of work.closure, which the connected-components routine fills from the pairs: one row per url_key that a pair
-- holds.
select
    url_key,
    url_key as component,
from work.alias_edge
limit 0
