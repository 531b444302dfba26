-- One row per article: the address to show. One that is not an AMP form wins, then that of the best-ranked mention.
select
    article_key,
    arg_min(url, mention_rank + (is_amp::bigint << 61)) as url,
from work.entry_shown_url
group by article_key
