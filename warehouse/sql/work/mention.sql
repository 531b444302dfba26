-- One row per mention and version, with the article that it speaks of.
select
    entry_article.article_key,
    span.document_id,
    span.entry_id,
    span.position,
    span.mention_rank,
    span.valid_from,
    span.valid_to,
from work.span as span
inner join work.entry_article as entry_article on entry_article.entry_id = span.entry_id
anti join base.remote_entry as remote on remote.entry_id = span.entry_id
