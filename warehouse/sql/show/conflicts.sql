-- One row per value that lost.
select
    field,
    other,
    mention_count,
from main.article_conflict
where article_key = $key
order by
    field,
    mention_count desc,
    other
