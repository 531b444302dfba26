-- One row per article ever mentioned. Its texts are passed along and not kept for a join: what is known of all articles is
-- the small side, and a left join keeps it there.
with

known as materialized (
    select
        life.article_key,
        choice.url,
        key_owner.url_key,
        life.first_seen_at,
        life.left_at as last_seen_at,
    from work.article_life as life
    inner join work.key_owner as key_owner
        on
            key_owner.article_key = life.article_key
            and key_owner.url_key = key_owner.article_url_key
    inner join work.article_url_choice as choice on choice.article_key = life.article_key
)

select
    value.article_key,
    known.url,
    known.url_key,
    value.title,
    value.excerpt,
    value.category,
    value.content_type,
    value.locale,
    array_to_string(value.authors, '; ') as authors,
    value.featured_content,
    value.updated_at,
    value.is_root,
    value.is_withdrawn,
    known.first_seen_at,
    known.last_seen_at,
from work.article_value as value
left join known on known.article_key = value.article_key
