-- One row per table of the release, in the order in which they were made: what it is called, means and is keyed by.
with

keys as (
    select
        table_oid,
        constraint_column_names as primary_key,
    from duckdb_constraints()
    where constraint_type = 'PRIMARY KEY'
)

select
    tables.schema_name,
    tables.table_name as relation_name,
    tables.comment,
    coalesce(keys.primary_key, []) as primary_key,
    null::varchar as sql,
from duckdb_tables() as tables
left join keys on keys.table_oid = tables.table_oid
where tables.database_name = current_database() and not tables.internal
order by tables.table_oid
