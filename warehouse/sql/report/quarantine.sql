-- One row per problem that keeps something out.
select
    source,
    path,
    line,
    "column",
    field,
    reason,
    expected,
    found,
    first_seen_at
from ops.quarantine
order by
    first_seen_at desc,
    source,
    path,
    line nulls first,
    "column"
