-- One row per document whose path ends as a name does: in the same file name, or but for its suffix.
with

documents as (
    select
        source,
        path,
        split_part(path, '/', -1) as file_name
    from main.dim_document
)

select source || '/' || path as document
from documents
where
    file_name = $ending
    or starts_with(file_name, $ending || '.')
order by
    file_name <> $ending,
    source,
    path
limit 5
