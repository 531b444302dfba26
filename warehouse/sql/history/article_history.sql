-- One row per article and span [valid_from, valid_to) in which no column changed: a type 2 history in as-of times. A
-- span ends where a value changes or where the article leaves the documents; it may come back later.
with

spans as (
    select
        value.*,
        boundary.moment_at as valid_from,
        next_boundary.moment_at as valid_to,
        lag(value.moment_number) over by_time as previous_number,
        lag({
            'title': value.title,
            'provider_domain': value.provider_domain,
            'quality': value.quality,
            'heat': value.heat,
            'is_published': value.is_published
        }) over by_time as previous_values,
    from work.moment_value as value
    inner join work.boundary as boundary
        on boundary.article_key = value.article_key and boundary.moment_number = value.moment_number
    left join work.boundary as next_boundary
        on next_boundary.article_key = value.article_key and next_boundary.moment_number = value.moment_number + 1
    window by_time as (partition by value.article_key order by value.moment_number)
),

numbered as (
    select
        *,
        count(*) filter (
            where
                previous_number is distinct from moment_number - 1
                or previous_values is distinct from {
                    'title': title,
                    'provider_domain': provider_domain,
                    'quality': quality,
                    'heat': heat,
                    'is_published': is_published
                }
        ) over (partition by article_key order by moment_number) as span_number,
    from spans
),

collapsed as (
    select
        article_key,
        min(valid_from) as valid_from,
        arg_max_null(valid_to, moment_number) as valid_to,
        any_value(title) as title,
        any_value(provider_domain) as provider_domain,
        any_value(quality) as quality,
        any_value(heat) as heat,
        any_value(is_published) as is_published,
    from numbered
    group by
        article_key,
        span_number
),

uneventful as (
    select
        life.article_key,
        life.first_seen_at as valid_from,
        null::timestamp as valid_to,
        value.title,
        value.provider_domain,
        value.quality,
        value.heat,
        value.is_published,
    from work.article_life as life
    inner join work.article_value as value on value.article_key = life.article_key
    where not life.is_eventful
),

spans_of_all as (
    select * from collapsed
    union all by name
    select * from uneventful
)

select
    article_key,
    valid_from,
    valid_to,
    valid_to is null as is_current,
    title,
    surrogate_key(provider_domain) as provider_key,
    quality,
    heat,
    is_published,
from spans_of_all
