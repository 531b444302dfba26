-- One row per article of which one of the wanted contents speaks: the content, the place (0: its own), the URL and
-- title as written.
select content_entry.content_id, content_entry.position, coalesce(entry.web_url, entry.original_url), entry.title
from ledger.content_entry as content_entry
semi join wanted_content on wanted_content.content_id = content_entry.content_id
inner join ledger.entry as entry on entry.entry_id = content_entry.entry_id
