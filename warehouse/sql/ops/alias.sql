-- One row per shared alias and identifying url_key that declares it; the alias counts as one where it identifies a mention.
select
    verdict.alias_key as url_key,
    verdict.url_key as declaring_key,
    verdict.partner_key is not null as is_joined,
    verdict.reason,
    key_owner.article_key,
    (count(verdict.partner_key) over same_alias)::integer as joined_count,
    min(verdict.url_key) over same_alias || ' … ' || max(verdict.url_key) over same_alias as example,
from work.alias_verdict as verdict
inner join work.key_owner as key_owner on key_owner.url_key = verdict.url_key
window same_alias as (partition by verdict.alias_key)
