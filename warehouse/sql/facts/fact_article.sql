-- One row per article: its measures. Counts speak of the current versions only.
with

mentions as (
    select
        current_mention.document_id,
        current_mention.article_key,
        current_mention.root_article_key,
    from work.current_mention as current_mention
    anti join base.unchanged_document as unchanged on unchanged.document_id = current_mention.document_id
    where current_mention.position > 0
    union all
    select
        document_id,
        article_key,
        root_article_key,
    from base.listed_mention
),

listed as (
    select
        root_article_key as article_key,
        count(distinct article_key) as related_count,
    from mentions
    where article_key <> root_article_key
    group by root_article_key
),

cited as (
    select
        article_key,
        count(distinct document_id) as cited_by_count,
    from mentions
    where article_key <> root_article_key
    group by article_key
)

select
    value.article_key,
    surrogate_key(value.provider_domain) as provider_key,
    date_key(value.published_at) as published_date_key,
    date_key(life.first_seen_at) as first_seen_date_key,
    date_key(life.left_at) as last_seen_date_key,
    value.published_at,
    value.quality,
    value.heat,
    value.is_published,
    coalesce(len(list_distinct([image.url for image in value.images])), 0)::integer as image_count,
    coalesce(len(list_distinct(value.topics)), 0)::integer as topic_count,
    coalesce(listed.related_count, 0)::integer as related_count,
    value.mention_count::integer as mention_count,
    coalesce(cited.cited_by_count, 0)::integer as cited_by_count,
from work.article_value as value
inner join work.article_life as life on life.article_key = value.article_key
left join listed on listed.article_key = value.article_key
left join cited on cited.article_key = value.article_key
