-- Brings a ledger of format 2 to format 3, since which a release can be made from the one before it.
create table ledger.release_build (
    release_id varchar not null,
    base_release_id varchar,
    event_count bigint not null,
    event_digest varchar not null,
    transforms varchar not null,
    whole_at timestamp not null,
    whole_size bigint not null,
    chain_length integer not null
);

create table ledger.release_table (
    release_id varchar not null,
    table_name varchar not null,
    row_count bigint not null,
    digest varchar not null,
    replaced_count bigint not null
);

create table ledger.entry_key (
    entry_id bigint not null,
    own_key bigint not null,
    is_identifying boolean not null
);
