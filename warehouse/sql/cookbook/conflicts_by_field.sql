-- On which fields do the mentions of an article disagree, and how much?
-- One row per field, with an example of what was kept and what lost.
with

fields as (
    select
        field,
        count(distinct article_key) as article_count,
        count(*) as losing_value_count,
        sum(mention_count)::bigint as mention_count,
        arg_max((article_key, kept, other), (mention_count, -article_key, other)) as example
    from main.article_conflict
    group by field
)

select
    fields.field,
    fields.article_count,
    fields.losing_value_count,
    fields.mention_count,
    fields.example[2] as example_kept,
    fields.example[3] as example_lost,
    article.url as example_url
from fields
inner join main.dim_article as article on article.article_key = fields.example[1]
order by
    fields.losing_value_count desc,
    fields.field
