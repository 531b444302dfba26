-- One row per eventful article and moment at which it is mentioned: the values that survive among the mentions that
-- hold then, by the rules of article_value. Every mention is laid out over just the moments that it spans.
with

numbered as (
    select
        mention.article_key,
        mention.entry_id,
        mention.mention_rank,
        starts.moment_number as first_number,
        ends.moment_number as end_number,
    from work.mention as mention
    inner join work.boundary as starts
        on starts.article_key = mention.article_key and starts.moment_at = mention.valid_from
    left join work.boundary as ends
        on ends.article_key = mention.article_key and ends.moment_at = mention.valid_to
),

lasts as (
    select article_key, max(moment_number) + 1 as end_number from work.boundary group by article_key
),

laid_out as (
    select
        numbered.article_key,
        numbered.entry_id,
        numbered.mention_rank,
        unnest(range(numbered.first_number, coalesce(numbered.end_number, lasts.end_number))) as moment_number,
    from numbered
    inner join lasts on lasts.article_key = numbered.article_key
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
    from ledger.entry as entry
    inner join work.used_entry as used_entry on used_entry.entry_id = entry.entry_id
)

select
    laid_out.article_key,
    laid_out.moment_number,
    arg_min(title, mention_rank + title_penalty) filter (where title is not null) as title,
    arg_min(provider_domain, mention_rank) filter (where provider_domain is not null) as provider_domain,
    arg_min(quality, mention_rank + picture_penalty) filter (where quality is not null) as quality,
    arg_min(heat, mention_rank) filter (where heat is not null) as heat,
    arg_min(is_published, mention_rank) filter (where is_published is not null) as is_published,
from laid_out
inner join entries on entries.entry_id = laid_out.entry_id
group by
    laid_out.article_key,
    laid_out.moment_number
