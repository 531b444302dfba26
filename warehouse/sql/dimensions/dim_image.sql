-- One row per image URL, as written, that any version gives an article. Its facts are those of the best-ranked mention in
-- current versions (else in the last that had it), each the first that is not NULL.
with

listed as (
    select
        unnest(entry.images) as image,
        generate_subscripts(entry.images, 1) as position,
        used_entry.last_at,
        used_entry.best_rank,
    from base.entry as entry
    inner join work.used_entry as used_entry on used_entry.entry_id = entry.entry_id
),

images as (
    select
        image,
        {'rank': best_rank, 'position': position} as place,
    from listed
    qualify last_at = max(last_at) over (partition by image.url)
)

select
    surrogate_key(image.url) as image_key,
    image.url,
    arg_min(image.width, place) filter (where image.width is not null) as width,
    arg_min(image.height, place) filter (where image.height is not null) as height,
    arg_min(image.is_cached, place) filter (where image.is_cached is not null) as is_cached,
    arg_min(image.title, place) filter (where image.title is not null) as title,
    arg_min(image.attribution, place) filter (where image.attribution is not null) as attribution,
from images
group by image.url
