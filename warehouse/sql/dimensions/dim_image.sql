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

latest as (
    select
        image.url as url,
        max(last_at) as last_at,
    from listed
    group by image.url
),

images as (
    select
        listed.image,
        {'rank': listed.best_rank, 'position': listed.position} as place,
    from listed
    inner join latest on latest.url = listed.image.url and latest.last_at = listed.last_at
)

select
    surrogate_key(image.url) as image_key,
    image.url,
    arg_min(image.width, place) as width,
    arg_min(image.height, place) as height,
    arg_min(image.is_cached, place) as is_cached,
    arg_min(image.title, place) as title,
    arg_min(image.attribution, place) as attribution,
from images
group by image.url
