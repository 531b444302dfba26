-- One row per view of the release: what it is called and means, and the statement that makes it anew.
select
    schema_name,
    view_name as relation_name,
    comment,
    []::varchar[] as primary_key,
    sql,
from duckdb_views()
where database_name = current_database() and not internal
order by view_oid
