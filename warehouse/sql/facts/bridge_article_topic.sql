-- One row per article and topic: the list of the best-ranked mention that has one, whole. The weights of an article's
-- topics add up to 1.
with

topics as (
    select distinct
        article_key,
        unnest(topics) as topic,
    from work.article_value
)

select
    article_key,
    surrogate_key(topic) as topic_key,
    1 / count(*) over (partition by article_key) as weight,
from topics
