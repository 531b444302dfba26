-- Puts what a second reading gathered in the place of the old readings, and drops what no version holds any more.

delete from ledger.entry where entry_id in (select entry_id from temp.reread_entry);

insert into ledger.entry by name from temp.reread_entry;

delete from ledger.url where url_raw in (select url_raw from temp.reread_url);

insert into ledger.url by name from temp.reread_url;

delete from ledger.content_entry where content_id in (select content_id from temp.reread_content);

insert into ledger.content_entry by name from temp.reread_content_entry;

insert into ledger.content by name
select reread.*
from temp.reread_content as reread
anti join ledger.content as content on content.content_id = reread.content_id;

update ledger.event set content_id = reread.content_id
from temp.reread_event as reread
where
    event.byte_digest = reread.byte_digest
    and event.as_of = reread.as_of
    and event.content_id is not null;

update ledger.file_state set content_digest = content.content_digest
from
    (select document_id, arg_max(content_id, as_of) as content_id from ledger.event group by document_id) as told
    inner join ledger.content as content on content.content_id = told.content_id
where file_state.document_id = told.document_id and not file_state.is_bad;
