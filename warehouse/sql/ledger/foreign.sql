-- What a catalog holds beside tables of plain columns. Each of these is SQL that would run when it is read or written,
-- and a restored backup may come from anybody. One row per such thing: its kind, its name, and what tells it further.
-- The functions are named in full, and nothing else is called: a macro of the catalog's could stand in for either.
-- That something is internal is only believed of types: the file says so itself.
with found (database_name, kind, name, detail) as (
    select database_name, 'view', view_name, sql from system.main.duckdb_views()
    union all
    select database_name, 'macro', function_name, null from system.main.duckdb_functions()
    union all
    select database_name, 'schema', schema_name, null from system.main.duckdb_schemas() where schema_name <> 'main'
    union all
    select database_name, 'type', type_name, null from system.main.duckdb_types() where internal = false
    union all
    select database_name, 'trigger', trigger_name, null from system.main.duckdb_triggers()
    union all
    select database_name, 'sequence', sequence_name, null from system.main.duckdb_sequences()
    union all
    select database_name, 'index', index_name, null from system.main.duckdb_indexes()
    union all
    select database_name, 'constraint', constraint_text, constraint_type from system.main.duckdb_constraints()
    where constraint_type <> 'NOT NULL'
    union all
    select database_name, 'computed column', column_name, null from system.main.duckdb_columns()
    where is_generated or column_default is not null
)
select kind, name, detail
from found
where database_name = $catalog
order by kind, name
