-- One row per column of a table or view of the release, with what each means.
with

relations as (
    select schema_name, table_name as name, comment
    from duckdb_tables()
    where not internal
    union all
    select schema_name, view_name as name, comment
    from duckdb_views()
    where not internal
)

select
    case relations.schema_name when 'main' then '' else relations.schema_name || '.' end || relations.name as relation,
    relations.comment as meaning,
    columns.column_name,
    columns.data_type,
    columns.comment
from relations
inner join duckdb_columns() as columns
    on columns.schema_name = relations.schema_name and columns.table_name = relations.name
order by
    relations.schema_name,
    relations.name,
    columns.column_index
