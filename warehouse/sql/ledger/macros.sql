-- The few functions that the transforms share, made anew on each connection that builds. A release holds none of them: a
-- reader needs no function of ours. A key is the first 8 bytes, big-endian, of SHA-256 over the UTF-8 natural key,
-- shifted right by one.

create or replace temp macro surrogate_key(natural_key) as
    (cast('0x' || substr(sha256(natural_key), 1, 16) as ubigint) >> 1)::bigint;

create or replace temp macro key_of_digest(digest) as
    (cast('0x' || substr(hex(digest), 1, 16) as ubigint) >> 1)::bigint;

create or replace temp macro date_key(moment) as
    (year(moment) * 10000 + month(moment) * 100 + day(moment))::integer;

create or replace temp macro time_text(moment) as
    replace(strftime(moment, '%Y-%m-%dT%H:%M:%S.%fZ'), '.000000Z', 'Z');
