-- What the base says of spellings of the scope: a first time and the best kind only ever get better.
select
    article_url.url_raw,
    list_position(['web', 'original', 'amp', 'amp_cache'], article_url.kind)::integer as kind,
    article_url.first_seen_at,
from previous.main.article_url as article_url
semi join base.key as key on key.own_key = article_url.own_key
