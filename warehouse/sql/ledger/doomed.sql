-- Finds what of a batch speaks of articles that were taken down. An entry is of the article that its identifying URL
-- names.

create or replace temp table doomed_entry as
select distinct entries.entry_id
from entries
inner join urls on urls.url_raw = coalesce(entries.web_url, entries.original_url)
inner join ledger.tombstone as tombstone on tombstone.value in (sha256(urls.url_key), sha256(urls.url_raw))
where tombstone.kind = 'url';

create or replace temp table doomed_mention as
select mentions.ref, mentions.position from mentions semi join doomed_entry using (entry_id);
