-- One row per article and image: the list of the best-ranked mention that has one, whole; an image that stands twice
-- in it keeps its first place.
with

images as (
    select
        article_key,
        unnest([image.url for image in images]) as url,
        generate_subscripts(images, 1) as position,
    from work.article_value
)

select
    article_key,
    surrogate_key(url) as image_key,
    min(position)::integer as position,
from images
group by
    article_key,
    url
