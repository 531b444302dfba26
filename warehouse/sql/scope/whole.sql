-- The catalog `base` of a whole build: all that the transforms read is the ledger's. What an incremental build takes from
-- the release before is empty here.
create or replace view base.event as select * from ledger.event;
create or replace view base.document as select * from ledger.document;
create or replace view base.content_entry as select * from ledger.content_entry;
create or replace view base.entry as select * from ledger.entry;
create or replace view base.url as select rowid as url_id, * from ledger.url;
create or replace table base.owner (url_key varchar, article_url_key varchar, article_key bigint);
create or replace table base.remote_entry (entry_id bigint, article_key bigint);
create or replace table base.spelling (url_raw varchar, kind integer, first_seen_at timestamp);
create or replace table base.calendar (moment_at timestamp);
create or replace table base.unchanged_document (document_id bigint, document_key bigint);
create or replace table base.listed_mention (document_id bigint, article_key bigint, root_article_key bigint);
create or replace table base.notice (
    source varchar,
    path varchar,
    line bigint,
    "column" bigint,
    field varchar,
    reason varchar,
    expected varchar,
    found varchar,
    first_seen_at timestamp
);
