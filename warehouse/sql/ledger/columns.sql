-- The columns of the tables in a catalog.
select table_name, column_name, data_type
from system.main.duckdb_columns()
where database_name = $catalog and internal = false
