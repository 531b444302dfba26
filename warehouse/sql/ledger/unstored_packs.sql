-- One row per pack of the batch that a row of `raw` speaks of and that is on no shelf yet.
select packs.pack_id
from packs
semi join ledger.raw as raw on raw.pack_id = packs.pack_id
anti join ledger.pack as pack on pack.pack_id = packs.pack_id
