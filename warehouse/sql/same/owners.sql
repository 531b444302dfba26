-- One row per url_key asked for that the release knows, with the article that owns it (NULL: an alias that none owns).
select distinct
    article_url.url_key,
    article_url.article_key,
    dim_article.title,
from main.article_url as article_url
left join main.dim_article as dim_article on dim_article.article_key = article_url.article_key
where article_url.url_key in ($one, $other)
