-- How many articles a release changed against the one before, by what ops.release_change tells. An article that has split
-- off counts as added.
select
    count(distinct article_key) filter (where kind in ('added', 'split')),
    count(distinct article_key) filter (where kind not in ('added', 'split', 'departed')),
    count(distinct article_key) filter (where kind = 'departed')
from news.ops.release_change
