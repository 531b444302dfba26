-- One row per pair of url_keys that are one article: all that was declared of an alias that one key alone declares, and of
-- a shared alias what its verdicts let stand.
select
    declared_alias.url_key,
    declared_alias.alias_key,
from work.declared_alias as declared_alias
anti join work.shared_alias as shared_alias on shared_alias.alias_key = declared_alias.alias_key

union

select
    url_key,
    partner_key as alias_key,
from work.alias_verdict
where partner_key <> url_key
