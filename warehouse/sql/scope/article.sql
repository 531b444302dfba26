-- One row per article of the base that owns a key of the scope.
select distinct article_url.article_key
from previous.main.article_url as article_url
semi join base.key as key on key.own_key = article_url.own_key
where article_url.article_key is not null
