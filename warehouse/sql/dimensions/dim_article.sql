-- One row per article ever mentioned.
select
    life.article_key,
    choice.url,
    key_owner.url_key,
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
    life.first_seen_at,
    life.left_at as last_seen_at,
from work.article_life as life
inner join work.key_owner as key_owner
    on
        key_owner.article_key = life.article_key
        and key_owner.url_key = key_owner.article_url_key
inner join work.article_value as value on value.article_key = life.article_key
inner join work.article_url_choice as choice on choice.article_key = life.article_key
