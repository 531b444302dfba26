-- One row per run of kept bytes among the wanted: where it lies in its pack.
select byte_digest, pack_id, first, byte_count
from ledger.raw
where byte_digest in (select byte_digest from wanted)
order by pack_id, first
