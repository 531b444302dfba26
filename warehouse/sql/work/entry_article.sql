-- One row per entry: the article that it speaks of. An incremental build takes entries in base.remote_entry for what they
-- say of providers and images alone.
select
    entry_url.entry_id,
    key_owner.article_key,
from work.entry_url as entry_url
inner join work.key_owner as key_owner on key_owner.url_key = entry_url.url_key
where entry_url.is_identifying

union all

select
    entry_id,
    article_key,
from base.remote_entry
