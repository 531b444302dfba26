-- One row per document, role and span in which it mentioned the article.
select
    document.source,
    document.path,
    history.role,
    history.valid_from,
    history.valid_to,
    history.role = 'related' and history.article_key <> history.root_article_key as is_citation,
    root.title as document_title,
from main.mention_history as history
inner join main.dim_document as document on document.document_key = history.document_key
inner join main.dim_article as root on root.article_key = history.root_article_key
where history.article_key = $key
order by
    history.role desc,
    history.valid_from,
    document.source,
    document.path
