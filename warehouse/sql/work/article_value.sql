-- One row per article: the value that survives, field by field. A usable value beats a garbled one, then the better
-- mention_rank wins; NULL never beats a value. A field that has no rule of its own here is chosen by mention_rank. The
-- rank takes 61 bits; bit 61 holds what goes before it. Of most articles all mentions say the same: there is nothing to
-- choose, and their texts are not sorted into groups.
with

candidates as (
    select
        article_entry.*,
        article_entry.mention_rank + (least(entry.title_flaw, 1)::bigint << 61) as title_rank,
        article_entry.mention_rank + (least(entry.excerpt_flaw, 1)::bigint << 61) as excerpt_rank,
        article_entry.mention_rank + ((coalesce(len(entry.images), 0) = 0)::bigint << 61) as pictured_rank,
        entry.* exclude (
            entry_id, entry_digest, title_flaw, excerpt_flaw, is_removed, unknown, web_url, original_url, amp_url,
            amp_cache_url, provider_name, provider_name_flaw, provider_logo_url, provider_images, provider_authors
        ) replace (
            case when entry.excerpt_flaw < 2 then entry.excerpt end as excerpt,
            nullif(entry.topics, []) as topics,
            nullif(entry.images, []) as images
        ),
        nullif(entry.provider_authors, []) as authors,
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
        arg_min(quality, pictured_rank) as quality,
        min(published_at) as published_at,
        bool_or(is_root) as is_root,
        bool_or(is_withdrawn) as is_withdrawn,
        sum(mention_count)::bigint as mention_count,
        arg_min(
            columns(* exclude (
                article_key, entry_id, mention_rank, title_rank, excerpt_rank, pictured_rank, title, excerpt, quality,
                published_at, is_root, is_withdrawn, mention_count
            )),
            mention_rank
        ),
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
