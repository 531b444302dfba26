-- One row per current mention of the article, the best-ranked first: root before related, then the later version, then
-- source, path and position.
select
    document.source,
    document.path,
    mention.position,
    mention.role,
    mention.url_raw as url,
    provider.domain as provider,
    mention.published_date_key,
    mention.quality,
    root.title as document_title,
from main.fact_mention as mention
inner join main.dim_document as document on document.document_key = mention.document_key
inner join main.dim_article as root on root.article_key = mention.root_article_key
left join main.dim_provider as provider on provider.provider_key = mention.provider_key
where mention.article_key = $key
order by
    mention.position > 0,
    document.changed_at desc,
    document.source,
    document.path,
    mention.position
