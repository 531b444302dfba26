-- How many rows the ledger has of what a takedown removes.
select
    (select count(*) from ledger.document),
    (select count(content_id) from ledger.event),
    (select count(*) from ledger.content_entry),
    (select count(*) from ledger.entry),
    (select count(*) from ledger.url),
    (select count(*) from ledger.raw)
