-- One row per mention in the current version of a document that is there, with the article of the document itself.
with

current_mentions as (
    select * from work.mention where valid_to is null
),

roots as (
    select document_id, article_key from current_mentions where position = 0
)

select
    current_mentions.document_id,
    current_mentions.position,
    current_mentions.entry_id,
    current_mentions.article_key,
    roots.article_key as root_article_key,
from current_mentions
inner join roots on roots.document_id = current_mentions.document_id
