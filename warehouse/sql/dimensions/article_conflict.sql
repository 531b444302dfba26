-- One row per article, field and value of a current mention that differs from the value kept. NULL is no value. Lists
-- and times are compared and written as text.
with

-- An article of which all mentions say the same has no conflict; most are so, and their texts need not be compared.
contested as (
    select article_key
    from work.article_entry
    where mention_count > 0
    group by article_key
    having count(*) > 1
),

kept as (
    select
        value.*,
        choice.url,
    from work.article_value as value
    inner join contested on contested.article_key = value.article_key
    inner join work.article_url_choice as choice on choice.article_key = value.article_key
),

said as (
    select
        article_entry.article_key,
        article_entry.mention_count,
        entry.* exclude (entry_id),
        shown.url,
        case when entry.excerpt_flaw < 2 then entry.excerpt end as usable_excerpt,
    from work.article_entry as article_entry
    inner join base.entry as entry on entry.entry_id = article_entry.entry_id
    inner join contested on contested.article_key = article_entry.article_key
    inner join work.entry_shown_url as shown
        on
            shown.article_key = article_entry.article_key
            and shown.entry_id = article_entry.entry_id
    where article_entry.mention_count > 0
),

compared as (
    select
        said.article_key,
        said.mention_count,
        unnest([
            {'field': 'title', 'kept': kept.title, 'other': said.title},
            {'field': 'excerpt', 'kept': kept.excerpt, 'other': said.usable_excerpt},
            {'field': 'category', 'kept': kept.category, 'other': said.category},
            {'field': 'content_type', 'kept': kept.content_type, 'other': said.content_type},
            {'field': 'locale', 'kept': kept.locale, 'other': said.locale},
            {'field': 'featured_content', 'kept': kept.featured_content, 'other': said.featured_content},
            {'field': 'url', 'kept': kept.url, 'other': said.url},
            {'field': 'provider', 'kept': kept.provider_domain, 'other': said.provider_domain},
            {'field': 'quality', 'kept': kept.quality::varchar, 'other': said.quality::varchar},
            {'field': 'heat', 'kept': kept.heat::varchar, 'other': said.heat::varchar},
            {'field': 'is_published', 'kept': kept.is_published::varchar, 'other': said.is_published::varchar},
            {
                'field': 'published_at',
                'kept': time_text(kept.published_at),
                'other': time_text(said.published_at),
            },
            {'field': 'updated_at', 'kept': time_text(kept.updated_at), 'other': time_text(said.updated_at)},
            {
                'field': 'authors',
                'kept': to_json(nullif(kept.authors, []))::varchar,
                'other': to_json(nullif(said.provider_authors, []))::varchar,
            },
            {
                'field': 'topics',
                'kept': to_json(nullif(kept.topics, []))::varchar,
                'other': to_json(nullif(said.topics, []))::varchar,
            },
            {
                'field': 'images',
                'kept': to_json([image.url for image in kept.images])::varchar,
                'other': to_json(nullif([image.url for image in said.images], []))::varchar,
            },
        ], recursive := true),
    from said
    inner join kept on kept.article_key = said.article_key
)

select
    article_key,
    field,
    kept,
    other,
    sum(mention_count)::integer as mention_count,
from compared
where other <> kept
group by
    article_key,
    field,
    kept,
    other
