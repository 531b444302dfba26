-- One row per url_key of the article that owns a url_key.
select url_key
from work.key_owner
where article_key = (select article_key from work.key_owner where url_key = $url_key)
