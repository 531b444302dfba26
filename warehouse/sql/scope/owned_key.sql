-- One row per key that an article of the scope owns in the base and the scope has not yet.
select distinct article_url.own_key
from previous.main.article_url as article_url
semi join base.article as article on article.article_key = article_url.article_key
anti join base.key as key on key.own_key = article_url.own_key
