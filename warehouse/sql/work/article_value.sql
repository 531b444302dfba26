-- One row per article: the value that survives, field by field (DESIGN section 5, survivorship). A usable value beats
-- a garbled one, then the better mention_rank wins; NULL never beats a value. The rank takes 61 bits; bit 61 holds what
-- goes before it. Of most articles all mentions say the same: there is nothing to choose, and their texts are not sorted
-- into groups.
with

candidates as (
    select
        article_entry.*,
        article_entry.mention_rank + (least(entry.title_flaw, 1)::bigint << 61) as title_rank,
        article_entry.mention_rank + (least(entry.excerpt_flaw, 1)::bigint << 61) as excerpt_rank,
        article_entry.mention_rank + ((coalesce(len(entry.images), 0) = 0)::bigint << 61) as pictured_rank,
        entry.title,
        case when entry.excerpt_flaw < 2 then entry.excerpt end as excerpt,
        entry.category,
        entry.content_type,
        entry.locale,
        nullif(entry.provider_authors, []) as authors,
        entry.featured_content,
        entry.updated_at,
        nullif(entry.topics, []) as topics,
        nullif(entry.images, []) as images,
        entry.provider_domain,
        entry.quality,
        entry.heat,
        entry.is_published,
        entry.published_at,
        article_entry.is_root and coalesce(entry.is_removed, false) as is_withdrawn,
    from work.article_entry as article_entry
    inner join base.entry as entry on entry.entry_id = article_entry.entry_id
),

contested as (
    select article_key
    from work.article_entry
    group by article_key
    having count(*) > 1
),

chosen as (
    select
        article_key,
        arg_min(title, title_rank) as title,
        arg_min(excerpt, excerpt_rank) as excerpt,
        arg_min(category, mention_rank) as category,
        arg_min(content_type, mention_rank) as content_type,
        arg_min(locale, mention_rank) as locale,
        arg_min(authors, mention_rank) as authors,
        arg_min(featured_content, mention_rank) as featured_content,
        arg_min(updated_at, mention_rank) as updated_at,
        arg_min(topics, mention_rank) as topics,
        arg_min(images, mention_rank) as images,
        arg_min(provider_domain, mention_rank) as provider_domain,
        arg_min(quality, pictured_rank) as quality,
        arg_min(heat, mention_rank) as heat,
        arg_min(is_published, mention_rank) as is_published,
        min(published_at) as published_at,
        bool_or(is_root) as is_root,
        bool_or(is_withdrawn) as is_withdrawn,
        sum(mention_count)::bigint as mention_count,
    from candidates
    semi join contested on contested.article_key = candidates.article_key
    group by article_key
),

given as (
    select candidates.* exclude (entry_id, mention_rank, title_rank, excerpt_rank, pictured_rank)
    from candidates
    anti join contested on contested.article_key = candidates.article_key
)

select * from chosen
union all by name
select * from given
