-- One row per entry whose article is another than in the base.
with

moved as (
    select distinct article_url.own_key
    from previous.main.article_url as article_url
    semi join base.key as key on key.own_key = article_url.own_key
    left join work.key_owner as key_owner on key_owner.url_key = article_url.url_key
    where article_url.article_key is not null and article_url.article_key is distinct from key_owner.article_key
)

select
    entry.entry_id,
    entry.provider_domain,
from base.entry as entry
semi join (
    select entry_key.entry_id
    from ledger.entry_key as entry_key
    semi join moved on moved.own_key = entry_key.own_key
    where entry_key.is_identifying
) as identifying on identifying.entry_id = entry.entry_id
