-- How many articles a release added, changed, merged, lost and withdrew against the one before.
select
    count(distinct article_key) filter (where kind in ('added', 'split'))
    + (select count(*) from main.dim_article where (select uncompared_reason = 'first_load' from ops.release)),
    count(distinct article_key) filter (where kind not in ('added', 'split', 'departed', 'merged')),
    count(*) filter (where kind = 'merged'),
    count(distinct article_key) filter (where kind = 'departed'),
    count(distinct article_key) filter (where field = 'is_withdrawn' and after = 'true'),
from ops.release_change
