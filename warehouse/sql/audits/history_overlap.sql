-- Breaks where two spans of an article's history overlap: a point-in-time join would double rows.
select
    article_key,
    valid_from
from main.article_history
qualify
    valid_from < lag(coalesce(valid_to, 'infinity'::timestamp)) over (partition by article_key order by valid_from)
