-- One row per document, article, role and span [valid_from, valid_to) in which the document's versions went on
-- mentioning the article so. A version lists many articles and mostly those of the version before, so spans that meet are
-- joined; a document of one version, as most are, has nothing to join. Rows of one article lie together: questions ask by
-- article, and such rows compress well.
with

roots as (
    select
        document_id,
        valid_from,
        article_key as root_article_key,
    from work.mention
    where position = 0
),

said as (
    select distinct
        mention.document_id,
        mention.article_key,
        roots.root_article_key,
        mention.position = 0 as is_root,
        mention.valid_from,
        mention.valid_to,
    from work.mention as mention
    inner join roots
        on
            roots.document_id = mention.document_id
            and roots.valid_from = mention.valid_from
),

rewritten as (
    select document_id
    from work.version
    group by document_id
    having count(*) > 1
),

followed as (
    select
        said.*,
        coalesce(lag(valid_to) over by_time = valid_from, false) as is_continued,
    from said
    semi join rewritten on rewritten.document_id = said.document_id
    window by_time as (partition by said.document_id, article_key, is_root, root_article_key order by valid_from)
),

numbered as (
    select
        *,
        count(*) filter (where not is_continued) over by_time as span_number,
    from followed
    window by_time as (partition by document_id, article_key, is_root, root_article_key order by valid_from)
),

spans as (
    select
        document_id,
        article_key,
        root_article_key,
        is_root,
        min(valid_from) as valid_from,
        arg_max_null(valid_to, valid_from) as valid_to,
    from numbered
    group by
        document_id,
        article_key,
        root_article_key,
        is_root,
        span_number
    union all by name
    select *
    from said
    anti join rewritten on rewritten.document_id = said.document_id
)

select
    document.document_key,
    spans.article_key,
    spans.root_article_key,
    case when spans.is_root then 'root' else 'related' end as role,
    spans.valid_from,
    spans.valid_to,
    spans.valid_to is null as is_current,
from spans
inner join base.document as document on document.document_id = spans.document_id
order by
    spans.article_key,
    document.document_key,
    role,
    spans.valid_from
