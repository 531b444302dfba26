-- The ledger: the private, append-only record of what the sources held and when. Only runs open it.
-- No primary keys are declared: an index costs more than the load itself. The statements that record keep the keys
-- unique, and the audits of a release would show it if they did not.
-- Long texts are compressed by Zstandard and digests not at all: trying what suits them best, and FSST, which would win,
-- took a third more of a commit's time and a tenth more space (measured).

create table meta (
    name varchar not null,
    value varchar not null
);

-- One row per document ever seen, good or bad.
create table document (
    document_id bigint not null,
    document_key bigint not null,
    source varchar not null,
    path varchar not null
);

-- One row per document: what is known of its file since it was last read. Overwritten; not history.
create table file_state (
    document_id bigint not null,
    size bigint not null,
    mtime_ns bigint not null,
    ctime_ns bigint not null,
    inode bigint not null,
    known_at_ns bigint not null,
    byte_digest blob using compression uncompressed,
    content_digest blob using compression uncompressed,
    is_bad boolean not null
);

-- One row per document and as-of at which its content was found other than before. content_id NULL: it was gone.
create table event (
    document_id bigint not null,
    as_of timestamp not null,
    content_id bigint,
    byte_digest blob using compression uncompressed,
    byte_count bigint
);

-- One row per distinct content of a document.
create table content (
    content_id bigint not null,
    content_digest blob not null using compression uncompressed
);

-- One row per mention of a content: which entry stands at which place.
create table content_entry (
    content_id bigint not null,
    position integer not null,
    entry_id bigint not null
);

-- One row per distinct thing that a mention says of an article.
create table entry (
    entry_id bigint not null,
    entry_digest blob not null using compression uncompressed,
    title varchar using compression zstd,
    excerpt varchar using compression zstd,
    category varchar,
    content_type varchar,
    locale varchar,
    featured_content varchar using compression zstd,
    published_at timestamp,
    updated_at timestamp,
    quality bigint,
    heat bigint,
    is_published boolean,
    is_removed boolean,
    provider_domain varchar,
    provider_name varchar,
    provider_logo_url varchar using compression zstd,
    provider_authors varchar[],
    provider_images struct(url varchar, width bigint, height bigint, is_cached boolean, title varchar, attribution varchar)[],
    topics varchar[],
    images struct(url varchar, width bigint, height bigint, is_cached boolean, title varchar, attribution varchar)[],
    web_url varchar using compression zstd,
    original_url varchar using compression zstd,
    amp_url varchar using compression zstd,
    amp_cache_url varchar using compression zstd,
    title_flaw tinyint,
    excerpt_flaw tinyint,
    provider_name_flaw tinyint,
    unknown varchar using compression zstd
);

-- One row per distinct spelling of a URL, with what the URL policy makes of it.
create table url (
    url_raw varchar not null using compression zstd,
    url_key varchar not null using compression zstd,
    loose_key varchar not null using compression zstd,
    registrable_domain varchar,
    is_front_page boolean not null,
    is_amp boolean not null,
    display_url varchar not null using compression zstd
);

-- One row per distinct run of bytes that was a version or is in quarantine: where it lies in its pack, uncompressed.
create table raw (
    byte_digest blob not null using compression uncompressed,
    pack_id bigint not null,
    first bigint not null,
    byte_count bigint not null
);

-- One row per pack: runs of bytes one after another (byte_count of them), compressed together by Zstandard. The packs
-- themselves lie on shelves, tables shelf_0, shelf_1 … of pack_id and bytes (warehouse/ledger/packs.py).
create table pack (
    pack_id bigint not null,
    byte_count bigint not null,
    shelf integer not null
);

-- One row per problem, kept after it was mended (cleared_at). Of scope `notice`: it refuses nothing, and is told apart.
create table problem (
    document_id bigint not null,
    position bigint,
    scope varchar not null,
    line bigint,
    "column" bigint,
    field varchar not null,
    reason varchar not null,
    expected varchar not null,
    found varchar,
    first_seen_at timestamp not null,
    last_seen_at timestamp not null,
    cleared_at timestamp
);

-- One row per field that the rules do not know.
create table drift (
    field varchar not null,
    source varchar not null,
    path varchar not null,
    first_seen_at timestamp not null
);

-- One row per run, an attempt at the same as-of continuing it.
create table run (
    run_id varchar not null,
    as_of timestamp not null,
    started_at timestamp not null,
    finished_at timestamp,
    status varchar not null,
    documents_seen bigint not null,
    documents_new bigint not null,
    documents_changed bigint not null,
    documents_touched bigint not null,
    documents_unchanged bigint not null,
    documents_quarantined bigint not null,
    documents_removed bigint not null,
    mentions bigint,
    articles bigint,
    release_id varchar
);

-- One row per release ever published. change_number and quarantine_digest say what it was built from.
create table release (
    release_id varchar not null,
    as_of timestamp not null,
    published_at timestamp not null,
    sha256 varchar not null,
    size bigint not null,
    mtime_ns bigint not null,
    ctime_ns bigint not null,
    inode bigint not null,
    fingerprint varchar not null,
    change_number bigint not null,
    quarantine_digest varchar not null,
    contract_version integer not null,
    policy_version integer not null,
    rules_version integer not null,
    document_count bigint not null,
    article_count bigint not null,
    mention_count bigint not null
);

-- One row per release: how it was made, and the state of the ledger that it was made from, so that the next one may be
-- made from it. Events at or before its as-of are counted and hashed, and so is what makes rows of them.
create table release_build (
    release_id varchar not null,
    base_release_id varchar,
    event_count bigint not null,
    event_digest varchar not null,
    transforms varchar not null,
    whole_at timestamp not null,
    whole_size bigint not null,
    chain_length integer not null
);

-- One row per release and table of it: the count of its rows and their hash, of which all together are the release's
-- fingerprint, and how many were replaced since the last whole build.
create table release_table (
    release_id varchar not null,
    table_name varchar not null,
    row_count bigint not null,
    digest varchar not null,
    replaced_count bigint not null
);

-- One row per entry and key that can make it one article with others. Derived from entry and url, and made anew where the
-- past is rewritten.
create table entry_key (
    entry_id bigint not null,
    own_key bigint not null,
    is_identifying boolean not null
);

-- One row per takedown: what may never be taken in again.
create table tombstone (
    kind varchar not null,
    value varchar not null,
    purged_at timestamp not null
);
