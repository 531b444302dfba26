-- What a catalog holds beside tables of plain columns. Each of these is SQL that would run when it is read or written,
-- and a restored backup may come from anybody. One row per such thing: its kind, its name, and what tells it further.
-- The functions are named in full, and nothing else is called: a macro of the catalog's could stand in for either.
-- That something is internal is only believed of types: the file says so itself.
select 'view' as kind, view_name as name, sql as detail
from system.main.duckdb_views()
where database_name = $catalog
union all
select 'macro' as kind, function_name as name, null as detail
from system.main.duckdb_functions()
where database_name = $catalog
union all
select 'schema' as kind, schema_name as name, null as detail
from system.main.duckdb_schemas()
where database_name = $catalog and schema_name <> 'main'
union all
select 'type' as kind, type_name as name, null as detail
from system.main.duckdb_types()
where database_name = $catalog and internal = false
union all
select 'trigger' as kind, trigger_name as name, null as detail
from system.main.duckdb_triggers()
where database_name = $catalog
union all
select 'sequence' as kind, sequence_name as name, null as detail
from system.main.duckdb_sequences()
where database_name = $catalog
union all
select 'index' as kind, index_name as name, null as detail
from system.main.duckdb_indexes()
where database_name = $catalog
union all
select 'constraint' as kind, constraint_text as name, constraint_type as detail
from system.main.duckdb_constraints()
where database_name = $catalog and constraint_type <> 'NOT NULL'
union all
select 'computed column' as kind, column_name as name, null as detail
from system.main.duckdb_columns()
where database_name = $catalog and (is_generated or column_default is not null)
order by kind, name
