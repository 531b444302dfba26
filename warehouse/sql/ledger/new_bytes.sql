-- Adds where the bytes lie that the ledger does not hold.
insert into ledger.raw by name
select slices.* from slices anti join ledger.raw as raw on raw.byte_digest = slices.byte_digest
