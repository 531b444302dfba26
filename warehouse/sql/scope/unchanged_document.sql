-- One row per document of the scope that is not made anew: what it mentions is as it was.
select
    document.document_id,
    document.document_key,
from base.document as document
anti join base.redone_document as redone on redone.document_id = document.document_id
