-- The spellings that the ledger does not hold.
insert into ledger.url by name
select urls.* from urls anti join ledger.url as known on known.url_raw = urls.url_raw
