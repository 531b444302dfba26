-- Breaks where a surrogate key is not that of its natural key, or a natural key stands twice: two things became one, or
-- one became two.
select 'article' as thing, url_key as natural_key from main.dim_article where article_key <> surrogate_key(url_key)
union all
select 'article' as thing, url_key as natural_key from main.dim_article group by url_key having count(*) > 1
union all
select 'provider' as thing, domain as natural_key from main.dim_provider where provider_key <> surrogate_key(domain)
union all
select 'topic' as thing, topic as natural_key from main.dim_topic where topic_key <> surrogate_key(topic)
union all
select 'image' as thing, url as natural_key from main.dim_image where image_key <> surrogate_key(url)
union all
select 'document' as thing, path as natural_key
from main.dim_document
where document_key <> surrogate_key(source || chr(0) || path)
