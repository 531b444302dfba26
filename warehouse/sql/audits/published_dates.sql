-- Breaks where a published time lies outside 1990 to two years after the as-of: validation lets none of these in, and a
-- chart over time would stretch to it.
select article_key, published_at
from main.fact_article
where published_at < timestamp '1990-01-01' or published_at > $as_of::timestamp + interval 2 year + interval 1 day
