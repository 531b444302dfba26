-- One row per article that is made anew: that owns a key of the scope, in the base or now.
select article_key from base.article
union
select key_owner.article_key
from work.key_owner as key_owner
semi join base.key as key on key.own_key = surrogate_key(key_owner.url_key)
