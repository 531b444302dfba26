-- One row per mention in the document's current version.
select
    mention.position,
    mention.role,
    article.title,
    mention.url_raw as url,
    provider.domain as provider,
    mention.quality,
from main.fact_mention as mention
inner join main.dim_article as article on article.article_key = mention.article_key
left join main.dim_provider as provider on provider.provider_key = mention.provider_key
where mention.document_key = $key
order by mention.position
