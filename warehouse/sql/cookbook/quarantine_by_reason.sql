-- What is kept out, why, and since when?
-- One row per reason, with the field that most often has it and one place to look at.
select
    reason,
    count(*) as problem_count,
    count(distinct (source, path)) as document_count,
    mode(regexp_replace(field, '\[[0-9]+\]', '[]', 'g') order by field) as usual_field,
    min(first_seen_at) as since,
    min(source || '/' || path || coalesce(':' || line || ':' || "column", '')) as example_place
from ops.quarantine
group by reason
order by
    problem_count desc,
    reason
