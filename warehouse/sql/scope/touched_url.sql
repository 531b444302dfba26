-- One row per spelling that a touched entry declares, with the key that it alone would have.
select
    url.url_raw,
    surrogate_key(url.url_key) as own_key,
from ledger.url as url
semi join (select unnest(urls) as url_raw from base.touched) as declared on declared.url_raw = url.url_raw
