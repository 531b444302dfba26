-- One row per article: the value that survives, field by field (DESIGN section 5, survivorship). A usable value beats
-- a garbled one, then the better mention_rank wins; NULL never beats a value. The rank takes 61 bits; bit 61 holds what
-- goes before it.
with

candidates as (
    select
        article_entry.*,
        entry.* exclude (entry_id),
        entry.excerpt is not null and entry.excerpt_flaw < 2 as has_excerpt,
        coalesce(len(entry.images), 0) > 0 as has_images,
        article_entry.mention_rank + (least(entry.title_flaw, 1)::bigint << 61) as title_rank,
        article_entry.mention_rank + (least(entry.excerpt_flaw, 1)::bigint << 61) as excerpt_rank,
        article_entry.mention_rank + ((coalesce(len(entry.images), 0) = 0)::bigint << 61) as pictured_rank,
    from work.article_entry as article_entry
    inner join ledger.entry as entry on entry.entry_id = article_entry.entry_id
)

select
    article_key,
    arg_min(title, title_rank) filter (where title is not null) as title,
    arg_min(excerpt, excerpt_rank) filter (where has_excerpt) as excerpt,
    arg_min(category, mention_rank) filter (where category is not null) as category,
    arg_min(content_type, mention_rank) filter (where content_type is not null) as content_type,
    arg_min(locale, mention_rank) filter (where locale is not null) as locale,
    arg_min(provider_authors, mention_rank) filter (where len(provider_authors) > 0) as authors,
    arg_min(featured_content, mention_rank) filter (where featured_content is not null) as featured_content,
    arg_min(updated_at, mention_rank) filter (where updated_at is not null) as updated_at,
    arg_min(topics, mention_rank) filter (where len(topics) > 0) as topics,
    arg_min(images, mention_rank) filter (where has_images) as images,
    arg_min(provider_domain, mention_rank) filter (where provider_domain is not null) as provider_domain,
    arg_min(quality, pictured_rank) filter (where quality is not null) as quality,
    arg_min(heat, mention_rank) filter (where heat is not null) as heat,
    arg_min(is_published, mention_rank) filter (where is_published is not null) as is_published,
    min(published_at) as published_at,
    bool_or(is_root) as is_root,
    bool_or(is_root and coalesce(is_removed, false)) as is_withdrawn,
    sum(mention_count)::bigint as mention_count,
from candidates
group by article_key
