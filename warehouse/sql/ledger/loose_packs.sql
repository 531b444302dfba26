-- One row per pack that holds bytes which nothing refers to.
select pack.pack_id
from ledger.pack as pack
left join ledger.raw as raw on raw.pack_id = pack.pack_id
group by pack.pack_id
having coalesce(sum(raw.byte_count), 0) < any_value(pack.byte_count)
order by pack.pack_id
