-- One row per article that declares an alias which no article owns.
select distinct article.url
from ops.alias as alias
inner join main.dim_article as article on article.article_key = alias.article_key
where alias.url_key = $url_key
order by article.url
