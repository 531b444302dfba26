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
        value.* exclude (is_root, is_withdrawn, mention_count),
        choice.url,
    from work.article_value as value
    inner join contested on contested.article_key = value.article_key
    inner join work.article_url_choice as choice on choice.article_key = value.article_key
),

said as (
    select
        article_entry.article_key,
        article_entry.mention_count,
        entry.* replace (case when entry.excerpt_flaw < 2 then entry.excerpt end as excerpt),
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

-- One row per value: a field that is kept and said under one name is compared as text.
kept_texts as (
    unpivot (
        select
            article_key,
            columns(* exclude (article_key, published_at, updated_at, authors, topics, images))::varchar,
            time_text(published_at) as published_at,
            time_text(updated_at) as updated_at,
            to_json(nullif(authors, []))::varchar as authors,
            to_json(nullif(topics, []))::varchar as topics,
            to_json(nullif([image.url for image in images], []))::varchar as images,
        from kept
    )
    on columns(* exclude article_key)
    into name field value kept
),

said_texts as (
    unpivot (
        select
            article_key,
            mention_count,
            columns(* exclude (
                article_key, mention_count, entry_id, entry_digest, published_at, updated_at, authors, topics, images,
                provider_authors, provider_images
            ))::varchar,
            time_text(published_at) as published_at,
            time_text(updated_at) as updated_at,
            to_json(nullif(authors, []))::varchar as authors,
            to_json(nullif(topics, []))::varchar as topics,
            to_json(nullif([image.url for image in images], []))::varchar as images,
        from said
    )
    on columns(* exclude (article_key, mention_count))
    into name field value other
)

select
    said.article_key,
    case said.field when 'provider_domain' then 'provider' else said.field end as field,
    kept.kept,
    said.other,
    sum(said.mention_count)::integer as mention_count,
from said_texts as said
inner join kept_texts as kept on kept.article_key = said.article_key and kept.field = said.field
where said.other <> kept.kept
group by all
