-- Brings a ledger of format 1 to format 2. Format 1 kept the bytes of each version compressed by themselves: each becomes a
-- pack of its own. Bytes that belong neither to a version nor to what was last seen of a file go, as they would with the
-- next `newsmart maintain`.
alter table ledger.raw rename to raw_alone;

create table ledger.raw (
    byte_digest blob not null,
    pack_id bigint not null,
    first bigint not null,
    byte_count bigint not null
);

create table ledger.pack (
    pack_id bigint not null,
    byte_count bigint not null,
    shelf integer not null
);

create table ledger.shelf_0 (
    pack_id bigint not null,
    bytes blob not null
);

insert into ledger.raw by name
with known as (
    select byte_digest, byte_count from ledger.event where byte_digest is not null
    union
    select byte_digest, size as byte_count from ledger.file_state where byte_digest is not null
)
select
    raw_alone.byte_digest,
    key_of_digest(raw_alone.byte_digest) as pack_id,
    0 as first,
    max(known.byte_count) as byte_count
from ledger.raw_alone as raw_alone inner join known on known.byte_digest = raw_alone.byte_digest
group by raw_alone.byte_digest;

insert into ledger.pack by name select pack_id, byte_count, 0 as shelf from ledger.raw;

insert into ledger.shelf_0 by name
select raw.pack_id, raw_alone.bytes
from ledger.raw_alone as raw_alone inner join ledger.raw as raw on raw.byte_digest = raw_alone.byte_digest;

drop table ledger.raw_alone;
