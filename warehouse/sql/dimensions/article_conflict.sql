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

-- What is kept of an article, and what each entry says of it, under the same names.
told as (
    select
        true as is_kept,
        value.* exclude (is_root, is_withdrawn, mention_count),
        choice.url,
    from work.article_value as value
    inner join contested on contested.article_key = value.article_key
    inner join work.article_url_choice as choice on choice.article_key = value.article_key
    union all by name
    select
        false as is_kept,
        article_entry.article_key,
        article_entry.mention_count,
        entry.* exclude (entry_id, entry_digest, provider_authors, provider_images)
        replace (case when entry.excerpt_flaw < 2 then entry.excerpt end as excerpt),
        entry.provider_authors as authors,
        shown.url,
    from work.article_entry as article_entry
    inner join base.entry as entry on entry.entry_id = article_entry.entry_id
    inner join contested on contested.article_key = article_entry.article_key
    inner join work.entry_shown_url as shown
        on
            shown.article_key = article_entry.article_key
            and shown.entry_id = article_entry.entry_id
    where article_entry.mention_count > 0
),

-- One row per value, as text.
texts as (
    unpivot (
        select
            is_kept,
            article_key,
            mention_count,
            columns(* exclude (
                is_kept, article_key, mention_count, published_at, updated_at, authors, topics, images
            ))::varchar,
            time_text(published_at) as published_at,
            time_text(updated_at) as updated_at,
            to_json(nullif(authors, []))::varchar as authors,
            to_json(nullif(topics, []))::varchar as topics,
            to_json(nullif([image.url for image in images], []))::varchar as images,
        from told
    )
    on columns(* exclude (is_kept, article_key, mention_count))
    into name field value text
)

select
    said.article_key,
    case said.field when 'provider_domain' then 'provider' else said.field end as field,
    kept.text as kept,
    said.text as other,
    sum(said.mention_count)::integer as mention_count,
from texts as said
inner join texts as kept on kept.article_key = said.article_key and kept.field = said.field
where
    kept.is_kept
    and not said.is_kept
    and said.text <> kept.text
group by all
