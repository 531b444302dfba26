-- Breaks where a document that is there has not just one root mention, or its root is not the article that dim_document
-- names.
select document.document_key
from main.dim_document as document
left join main.fact_mention as fact
    on fact.document_key = document.document_key and fact.position = 0
where
    (document.removed_at is null and fact.article_key is distinct from document.article_key)
    or (document.removed_at is not null and fact.article_key is not null)
