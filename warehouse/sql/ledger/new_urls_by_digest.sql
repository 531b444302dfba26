-- Adds the batch's URLs that the ledger does not hold, by digests of the spellings. They are laid out once in a run, which
-- begins without them (stage_scan.sql); the secret keeps anyone from making two that collide.

create temp table if not exists known_url as select md5_number($secret || url_raw) as digest from ledger.url;

insert into ledger.url by name
select urls.* from urls anti join known_url on known_url.digest = md5_number($secret || urls.url_raw);

insert into temp.known_url by name
with found as (select md5_number($secret || url_raw) as digest from urls)
select found.* from found anti join known_url on known_url.digest = found.digest;
