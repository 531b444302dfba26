-- The mentions that stay as they are in the base, as far as an article of the scope is listed or lists.
select
    document.document_id,
    fact.article_key,
    fact.root_article_key,
from previous.main.fact_mention as fact
inner join ledger.document as document on document.document_key = fact.document_key
anti join base.redone_document as redone on redone.document_id = document.document_id
where
    fact.position > 0
    and (
        fact.article_key in (select article_key from base.scope_article)
        or fact.root_article_key in (select article_key from base.scope_article)
    )
