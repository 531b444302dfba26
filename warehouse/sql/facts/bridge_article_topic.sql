-- One row per article and topic: the list of the best-ranked mention that has one, whole.
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
from topics
