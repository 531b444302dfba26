-- One row per eventful article and moment at which it is mentioned: the values that survive among the mentions that
-- hold then, by the rules of article_value. An article that many documents keep mentioning while it moves has as many
-- mentions as moments, so laying each mention out over the moments that it spans would grow with the square. Instead
-- moments are gathered in blocks of 8, 64, 512 …; a span is cut into the fewest whole blocks, what wins within a block is
-- found once, and a moment asks the one block of each size that it lies in.
with

numbered as (
    select
        mention.article_key,
        mention.entry_id,
        mention.mention_rank,
        starts.moment_number as first_number,
        coalesce(ends.moment_number, starts.moment_count + 1) as end_number,
    from work.mention as mention
    inner join work.boundary as starts
        on starts.article_key = mention.article_key and starts.moment_at = mention.valid_from
    left join work.boundary as ends
        on ends.article_key = mention.article_key and ends.moment_at = mention.valid_to
),

sizes as (
    select
        (8 ** level)::bigint as size,
    from range(0, 16) as levels (level)
    where 8 ** level <= (select max(end_number - first_number) from numbered)
),

-- The whole blocks of a size within a span run from first_block to end_block - 1; those that a whole block eight times as
-- large covers are left to that one.
cut as (
    select
        numbered.article_key,
        numbered.entry_id,
        numbered.mention_rank,
        sizes.size,
        (numbered.first_number + sizes.size - 1) // sizes.size as first_block,
        numbered.end_number // sizes.size as end_block,
        (numbered.first_number + 8 * sizes.size - 1) // (8 * sizes.size) * 8 as covered_first,
        numbered.end_number // (8 * sizes.size) * 8 as covered_end,
    from numbered
    inner join sizes on sizes.size <= numbered.end_number - numbered.first_number
),

laid_out as (
    select
        article_key,
        entry_id,
        mention_rank,
        size,
        unnest(
            case
                when covered_first >= covered_end then range(first_block, end_block)
                else range(first_block, covered_first) || range(covered_end, end_block)
            end
        ) as block,
    from cut
),

entries as (
    select
        entry.entry_id,
        entry.title,
        entry.provider_domain,
        entry.quality,
        entry.heat,
        entry.is_published,
        least(entry.title_flaw, 1)::bigint << 61 as title_penalty,
        (coalesce(len(entry.images), 0) = 0)::bigint << 61 as picture_penalty,
    from base.entry as entry
    inner join work.used_entry as used_entry on used_entry.entry_id = entry.entry_id
),

blocks as (
    select
        laid_out.article_key,
        laid_out.size,
        laid_out.block,
        arg_min(title, mention_rank + title_penalty) filter (where title is not null) as title,
        arg_min(provider_domain, mention_rank) filter (where provider_domain is not null) as provider_domain,
        arg_min(quality, mention_rank + picture_penalty) filter (where quality is not null) as quality,
        arg_min(heat, mention_rank) filter (where heat is not null) as heat,
        arg_min(is_published, mention_rank) filter (where is_published is not null) as is_published,
        min(mention_rank + title_penalty) filter (where title is not null) as title_rank,
        min(mention_rank) filter (where provider_domain is not null) as provider_domain_rank,
        min(mention_rank + picture_penalty) filter (where quality is not null) as quality_rank,
        min(mention_rank) filter (where heat is not null) as heat_rank,
        min(mention_rank) filter (where is_published is not null) as is_published_rank,
    from laid_out
    inner join entries on entries.entry_id = laid_out.entry_id
    group by
        laid_out.article_key,
        laid_out.size,
        laid_out.block
),

asked as (
    select
        boundary.article_key,
        boundary.moment_number,
        sizes.size,
        boundary.moment_number // sizes.size as block,
    from work.boundary as boundary
    cross join sizes
)

select
    asked.article_key,
    asked.moment_number,
    arg_min(blocks.title, blocks.title_rank) as title,
    arg_min(blocks.provider_domain, blocks.provider_domain_rank) as provider_domain,
    arg_min(blocks.quality, blocks.quality_rank) as quality,
    arg_min(blocks.heat, blocks.heat_rank) as heat,
    arg_min(blocks.is_published, blocks.is_published_rank) as is_published,
from asked
inner join blocks
    on
        blocks.article_key = asked.article_key
        and blocks.size = asked.size
        and blocks.block = asked.block
group by
    asked.article_key,
    asked.moment_number
