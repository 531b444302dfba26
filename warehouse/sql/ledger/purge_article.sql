-- Takes down all that speaks of an article: marks its own documents as doomed, and takes its mentions and the bytes that
-- hold them out of all others. $url_keys are all that the article owns; work.entry_url is laid out.

create or replace temp table doomed_key as select unnest($url_keys::varchar[]) as url_key;

create or replace temp table doomed_entry as
select distinct entry_url.entry_id
from work.entry_url as entry_url
inner join doomed_key on doomed_key.url_key = entry_url.url_key
where entry_url.is_identifying;

create or replace temp table doomed_content as
select distinct content_entry.content_id
from ledger.content_entry as content_entry
inner join doomed_entry on doomed_entry.entry_id = content_entry.entry_id
where content_entry.position = 0;

-- Its own documents never held another story.
create or replace temp table doomed as
select document_id
from ledger.event
where content_id is not null
group by document_id
having bool_and(content_id in (select content_id from doomed_content));

-- Every url_key, so that a new spelling is known, and every spelling, so that a newer URL policy is of no effect.
insert into ledger.tombstone by name
with texts as (
    select url_key as text from doomed_key
    union
    select url.url_raw
    from work.entry_url as entry_url
    inner join doomed_key on doomed_key.url_key = entry_url.url_key
    inner join ledger.url as url on url.rowid = entry_url.url_id
)
select 'url' as kind, sha256(text) as value, $now as purged_at
from texts;

delete from ledger.raw
where byte_digest in (
    select event.byte_digest
    from ledger.event as event
    inner join ledger.content_entry as content_entry on content_entry.content_id = event.content_id
    inner join doomed_entry on doomed_entry.entry_id = content_entry.entry_id
);

-- Of documents that have, or had, a problem, all versions: which of them had it is not kept.
delete from ledger.raw
where byte_digest in (
    select byte_digest
    from ledger.event
    where document_id in (select document_id from ledger.problem where scope <> 'notice')
);

delete from ledger.raw
where byte_digest not in (select byte_digest from ledger.event where byte_digest is not null);

-- A problem quotes what it is about, and a field that no model knows may be telling: those of every document that speaks
-- of the article go, as places in lists move between versions. Their files are read again and tell anew what is not of
-- the article.
create or replace temp table doomed_mention as
select distinct event.document_id, document.source, document.path
from ledger.event as event
inner join ledger.document as document on document.document_id = event.document_id
inner join ledger.content_entry as content_entry on content_entry.content_id = event.content_id
inner join doomed_entry on doomed_entry.entry_id = content_entry.entry_id;

delete from ledger.problem where document_id in (select document_id from doomed_mention);

delete from ledger.drift where (source, path) in (select (source, path) from doomed_mention);

delete from ledger.file_state where document_id in (select document_id from doomed_mention);

-- A doomed version of a document that stays becomes an absence.
update ledger.event set content_id = null, byte_digest = null, byte_count = null
where
    content_id in (select content_id from doomed_content)
    and document_id not in (select document_id from doomed);

-- An absence is told once, and never before a document was there.
delete from ledger.event
where (document_id, as_of) in (
    select (document_id, as_of)
    from (
        select
            document_id,
            as_of,
            content_id,
            lag(content_id) over (partition by document_id order by as_of) as previous_content_id
        from ledger.event
    ) as told
    where content_id is null and previous_content_id is null
);

-- The file may hold the doomed content now: it is read again, and then left out.
delete from ledger.file_state
where key_of_digest(content_digest) in (select content_id from doomed_content);

delete from ledger.content_entry where entry_id in (select entry_id from doomed_entry);
