-- One row per entry that a version holds, with the as-of of the first such version. What it is worth where providers and
-- images are described is told of the current versions that hold it, else of those that held it last: last_at, when they
-- ended (infinity: not yet); latest_at, when the latest of them began; best_rank, the best rank it has in them.
select
    entry_id,
    min(valid_from) as first_seen_at,
    max(coalesce(valid_to, 'infinity'::timestamp)) as last_at,
    arg_max(valid_from, {'last_at': coalesce(valid_to, 'infinity'::timestamp), 'valid_from': valid_from}) as latest_at,
    arg_min(mention_rank, {'is_older': -epoch_us(coalesce(valid_to, '9999-12-31'::timestamp)), 'rank': mention_rank})
        as best_rank,
from work.span
group by entry_id
