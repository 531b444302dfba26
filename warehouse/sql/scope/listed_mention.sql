-- The mentions that stay as they are in the base, as far as an article of the scope is listed or lists. Their rows are
-- found by one column after the other: joined by `or`, neither could skip what it does not need.
with

listed as (
    select rowid from previous.main.fact_mention where article_key in (select article_key from base.scope_article)
    union
    select rowid from previous.main.fact_mention where root_article_key in (select article_key from base.scope_article)
)

select
    document.document_id,
    fact.article_key,
    fact.root_article_key,
from previous.main.fact_mention as fact
inner join ledger.document as document on document.document_key = fact.document_key
anti join base.redone_document as redone on redone.document_id = document.document_id
where
    fact.position > 0
    and fact.rowid in (select rowid from listed)
