-- One row per article, field and value that this release shows (after) otherwise than the one before it (before). What
-- an article was is found by keys: own_key says of every key ever given which article has it now. Articles whose values
-- are the same are sorted out by a hash, so that long texts are compared only where something differs.
with

-- What both releases hold, with the side that it is of. Not materialized, so that of the long texts only those are read
-- that are asked for.
article as not materialized (
    select
        'now' as side,
        article.*,
        fact.provider_key,
        fact.quality,
        fact.heat,
        fact.is_published,
        fact.published_at,
    from after.main.dim_article as article
    inner join after.main.fact_article as fact on fact.article_key = article.article_key
    union all by name
    select
        'before' as side,
        article.*,
        fact.provider_key,
        fact.quality,
        fact.heat,
        fact.is_published,
        fact.published_at,
    from before.main.dim_article as article
    inner join before.main.fact_article as fact on fact.article_key = article.article_key
),

provider as not materialized (
    select 'now' as side, * from after.main.dim_provider
    union all by name
    select 'before' as side, * from before.main.dim_provider
),

article_topic as not materialized (
    select 'now' as side, * from after.main.bridge_article_topic
    union all by name
    select 'before' as side, * from before.main.bridge_article_topic
),

topic as not materialized (
    select 'now' as side, * from after.main.dim_topic
    union all by name
    select 'before' as side, * from before.main.dim_topic
),

first_image as not materialized (
    select 'now' as side, * from after.main.bridge_article_image where position = 1
    union all by name
    select 'before' as side, * from before.main.bridge_article_image where position = 1
),

image as not materialized (
    select 'now' as side, * from after.main.dim_image
    union all by name
    select 'before' as side, * from before.main.dim_image
),

owners as (
    select distinct
        own_key,
        article_key,
    from after.main.article_url
    where article_key is not null
),

owners_before as (
    select distinct
        own_key,
        article_key,
    from before.main.article_url
    where article_key is not null
),

-- The article that has the key of an article of the release before: itself, as a rule.
heirs as (
    select
        article.article_key as key_before,
        owners.article_key,
        article.last_seen_at is null as was_current,
    from before.main.dim_article as article
    inner join owners on owners.own_key = article.article_key
),

-- Values are compared with those that the very key had before, else with those of the smallest key that is merged here.
continued as (
    select
        article_key,
        coalesce(min(key_before) filter (where key_before = article_key), min(key_before)) as key_before,
        count(*) as key_count,
        bool_or(was_current) as was_current,
    from heirs
    group by article_key
),

moved_keys as (
    select
        heirs.article_key,
        case when continued.key_count > 1 then 'merged' else 'other' end as kind,
        'article_key' as field,
        heirs.key_before::varchar as before,
        heirs.article_key::varchar as after,
    from heirs
    inner join continued on continued.article_key = heirs.article_key
    where heirs.key_before <> heirs.article_key
),

-- URLs that have another owner than the heir of the article that owned them.
parted as (
    select distinct
        owners.article_key,
        owners_before.article_key as key_before,
    from owners_before
    inner join owners on owners.own_key = owners_before.own_key
    inner join heirs on heirs.key_before = owners_before.article_key
    where owners.article_key <> heirs.article_key
),

split_keys as (
    select
        parted.article_key,
        case when continued.article_key is null then 'split' else 'other' end as kind,
        case when continued.article_key is null then 'article_key' else 'own_key' end as field,
        parted.key_before::varchar as before,
        parted.article_key::varchar as after,
    from parted
    left join continued on continued.article_key = parted.article_key
),

presence as (
    select
        article.article_key,
        case
            when continued.article_key is null then 'added'
            when continued.was_current then 'departed'
            else 'returned'
        end as kind,
        'title' as field,
        case when kind = 'departed' then article.title end as before,
        case when kind <> 'departed' then article.title end as after,
    from after.main.dim_article as article
    left join continued on continued.article_key = article.article_key
    anti join split_keys on split_keys.article_key = article.article_key and split_keys.kind = 'split'
    where
        continued.article_key is null
        or continued.was_current <> (article.last_seen_at is null)
),

documents_now as (
    select
        article_key,
        count(*) as document_count,
        max(changed_at) as document_changed_at,
    from after.main.dim_document
    where removed_at is null
    group by article_key
),

documents_before as (
    select
        heirs.article_key,
        count(*) as document_count,
        max(document.changed_at) as document_changed_at,
    from before.main.dim_document as document
    inner join heirs on heirs.key_before = document.article_key
    where document.removed_at is null
    group by heirs.article_key
),

topic_digests as (
    select
        side,
        article_key,
        bit_xor(hash(topic_key)) as topics_digest,
    from article_topic
    group by all
),

digests as (
    select
        article.side,
        article.article_key,
        hash(*columns(article.* exclude (side)), topic_digests.topics_digest, first_image.image_key) as digest,
    from article
    left join topic_digests using (side, article_key)
    left join first_image using (side, article_key)
    where article.side = 'before' or article.last_seen_at is null
),

differing as (
    select
        continued.article_key,
        continued.key_before,
        coalesce(documents_now.document_count, 0) as document_count,
        coalesce(documents_before.document_count, 0) as document_count_before,
        documents_now.document_changed_at,
        documents_before.document_changed_at as document_changed_at_before,
    from continued
    inner join digests as now on now.side = 'now' and now.article_key = continued.article_key
    inner join digests as was on was.side = 'before' and was.article_key = continued.key_before
    left join documents_now on documents_now.article_key = continued.article_key
    left join documents_before on documents_before.article_key = continued.article_key
    where
        now.digest <> was.digest
        or documents_now.document_count is distinct from documents_before.document_count
        or documents_now.document_changed_at is distinct from documents_before.document_changed_at
),

wanted as (
    select 'now' as side, article_key, article_key as key_now from differing
    union all by name
    select 'before' as side, key_before as article_key, article_key as key_now from differing
),

topic_names as (
    select
        side,
        article_key,
        string_agg(topic.topic, ', ' order by topic.topic) as topics,
    from wanted
    inner join article_topic using (side, article_key)
    inner join topic using (side, topic_key)
    group by all
),

shown as (
    unpivot (
        select
            wanted.side,
            wanted.key_now,
            columns(
                article.* exclude (
                    side, article_key, url_key, is_root, first_seen_at, last_seen_at, updated_at, published_at, provider_key
                )
            )::varchar,
            time_text(article.updated_at) as updated_at,
            time_text(article.published_at) as published_at,
            provider.domain as provider,
            image.url as image_url,
            topic_names.topics,
        from wanted
        inner join article using (side, article_key)
        left join provider using (side, provider_key)
        left join first_image using (side, article_key)
        left join image using (side, image_key)
        left join topic_names using (side, article_key)
    )
    on columns(* exclude (side, key_now))
    into name field value value
),

differences as (
    select
        key_now as article_key,
        case
            when field = 'title' then 'headline'
            when field in ('quality', 'heat') then 'score'
            when field in ('is_published', 'published_at', 'is_withdrawn') then 'published'
            else 'other'
        end as kind,
        field,
        was.value as before,
        now.value as after,
    from (from shown where side = 'now') as now
    full join (from shown where side = 'before') as was using (key_now, field)
    where was.value is distinct from now.value
),

document_differences as (
    select
        article_key,
        'document' as kind,
        'document_count' as field,
        document_count_before::varchar as before,
        document_count::varchar as after,
    from differing
    where document_count <> document_count_before
    union all by name
    select
        article_key,
        'document' as kind,
        'document_changed_at' as field,
        time_text(document_changed_at_before) as before,
        time_text(document_changed_at) as after,
    from differing
    where document_changed_at is distinct from document_changed_at_before
),

changes as (
    select * from moved_keys
    union all by name
    select * from split_keys
    union all by name
    select * from presence
    union all by name
    select * from differences
    union all by name
    select * from document_differences
)

select * from changes
order by all nulls first
