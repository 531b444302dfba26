-- One row per column of the release's tables and views, in the order in which they stand.
select
    schema_name,
    table_name as relation_name,
    column_name,
    data_type,
    comment,
    is_nullable,
from duckdb_columns()
where database_name = current_database() and not internal
order by schema_name, table_name, column_index
