-- One row: the document, and the article that it is in its last version.
select
    document.document_key,
    document.source,
    document.path,
    document.article_key,
    article.url,
    article.title,
    document.bytes,
    document.version_count,
    document.first_seen_at,
    document.changed_at,
    document.removed_at,
from main.dim_document as document
inner join main.dim_article as article on article.article_key = document.article_key
where document.document_key = $key
