-- One row per mention in the current version of a document that is there. Rows of one article lie together: queries ask
-- by article, and repeated URLs then compress to half.
with

entries as (
    select
        entry.entry_id,
        surrogate_key(entry.provider_domain) as provider_key,
        date_key(entry.published_at) as published_date_key,
        entry.quality,
        coalesce(entry.web_url, entry.original_url) as url_raw,
    from base.entry as entry
    inner join work.used_entry as used_entry on used_entry.entry_id = entry.entry_id
)

select
    document.document_key,
    mention.position,
    case when mention.position = 0 then 'root' else 'related' end as role,
    mention.article_key,
    mention.root_article_key,
    entries.provider_key,
    entries.published_date_key,
    entries.quality,
    entries.url_raw,
from work.current_mention as mention
inner join base.document as document on document.document_id = mention.document_id
inner join entries on entries.entry_id = mention.entry_id
order by
    mention.article_key,
    document.document_key,
    mention.position
