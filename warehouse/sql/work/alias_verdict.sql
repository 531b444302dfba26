-- The shape of work.alias_verdict, which schemas/shared_alias.py fills: one row per shared alias and url_key that declares
-- it (and the alias itself where it identifies a mention). partner_key is the key that url_key becomes one article with,
-- through this alias; NULL: none.
select
    alias_key,
    alias_key as url_key,
    alias_key as partner_key,
    alias_key as reason,
from work.shared_alias
limit 0
