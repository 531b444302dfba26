-- One row per document that SOURCE/PATH, or PATH alone, names.
select
    document.document_key,
    document.source,
    document.path,
from main.dim_document as document
where
    document.path = $name
    or document.source || '/' || document.path = $name
order by
    document.source,
    document.path
