-- Breaks where dim_article and fact_article do not hold the same articles.
select coalesce(article.article_key, fact.article_key) as article_key
from main.dim_article as article
full outer join main.fact_article as fact on fact.article_key = article.article_key
where article.article_key is null or fact.article_key is null
