-- One row per key whose declarations are weighed whole: those of the scope, and every alias that is declared of one.
select own_key from base.key
union
select alias.own_key
from ledger.entry_key as alias
semi join (
    select entry_key.entry_id
    from ledger.entry_key as entry_key
    semi join base.key as key on key.own_key = entry_key.own_key
    where entry_key.is_identifying
) as identifying on identifying.entry_id = alias.entry_id
where not alias.is_identifying
