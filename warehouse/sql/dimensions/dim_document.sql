-- One row per document ever accepted; what it says is that of its last version.
with

versions as (
    select * from work.version
),

documents as (
    select
        document_id,
        count(*) as version_count,
        min(valid_from) as first_seen_at,
    from versions
    group by document_id
),

last_versions as (
    select * from versions
    qualify row_number() over (partition by document_id order by valid_from desc) = 1
),

roots as (
    select document_id, valid_from, article_key from work.mention where position = 0
)

select
    last_versions.document_key,
    last_versions.source,
    last_versions.path,
    roots.article_key,
    last_versions.byte_count::integer as bytes,
    documents.version_count::integer as version_count,
    documents.first_seen_at,
    last_versions.valid_from as changed_at,
    last_versions.valid_to as removed_at,
from last_versions
inner join documents on documents.document_id = last_versions.document_id
inner join roots
    on
        roots.document_id = last_versions.document_id
        and roots.valid_from = last_versions.valid_from
