-- One row per entry of which every mention counts for articles of the scope: it speaks of one, or declares an alias that
-- is weighed.
select distinct entry_key.entry_id
from ledger.entry_key as entry_key
semi join base.alias as alias on alias.own_key = entry_key.own_key
