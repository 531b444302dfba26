-- One row per article and entry that counts for its values: of the current versions, else of the last versions that
-- mentioned it. Identical entries stand in many documents; what they say is weighed once, at the best of their ranks.
select
    mention.article_key,
    mention.entry_id,
    min(mention.mention_rank) as mention_rank,
    bool_or(mention.position = 0) as is_root,
    count(*) filter (where mention.valid_to is null) as mention_count,
from work.mention as mention
inner join work.article_life as life on life.article_key = mention.article_key
where
    mention.valid_to is null
    or mention.valid_to = life.left_at
group by
    mention.article_key,
    mention.entry_id
