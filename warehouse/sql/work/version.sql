-- One row per document version: a maximal span [valid_from, valid_to) of as-ofs in which a document's content was the
-- same. Equal neighbours collapse; A, B, A stays three versions; removal ends a version. version_rank 1 is the best in
-- survivorship: the later version first, then source and path (bytes, ascending).
with

events as (
    select * from base.event where as_of <= $as_of
),

marked as (
    select
        *,
        lag(content_id) over by_time as previous_content_id,
        row_number() over by_time = 1 as is_first
    from events
    window by_time as (partition by document_id order by as_of)
),

changes as (
    select * from marked where is_first or content_id is distinct from previous_content_id
),

spans as (
    select
        *,
        lead(as_of) over (partition by document_id order by as_of) as valid_to
    from changes
)

select
    spans.document_id,
    documents.document_key,
    documents.source,
    documents.path,
    spans.content_id,
    spans.byte_count,
    spans.as_of as valid_from,
    spans.valid_to,
    row_number() over (partition by spans.document_id order by spans.as_of) as version_number,
    row_number() over (order by spans.as_of desc, documents.source, documents.path) as version_rank
from spans
inner join base.document as documents on documents.document_id = spans.document_id
where spans.content_id is not null
