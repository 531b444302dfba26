-- What a ledger never holds: all but tables of plain columns. Each of these is SQL that would run when a ledger is read
-- or written, and a restored ledger may come from anybody. One row per such thing: its kind and its name.
-- The functions are named in full, and nothing else is called: a macro of the ledger's could stand in for either.
select 'view' as kind, view_name as name
from system.main.duckdb_views()
where database_name = 'ledger' and internal = false
union all
select 'macro' as kind, function_name as name
from system.main.duckdb_functions()
where database_name = 'ledger' and internal = false
union all
select 'schema' as kind, schema_name as name
from system.main.duckdb_schemas()
where database_name = 'ledger' and internal = false
union all
select 'type' as kind, type_name as name
from system.main.duckdb_types()
where database_name = 'ledger' and internal = false
union all
select 'trigger' as kind, trigger_name as name
from system.main.duckdb_triggers()
where database_name = 'ledger'
union all
select 'sequence' as kind, sequence_name as name
from system.main.duckdb_sequences()
where database_name = 'ledger'
union all
select 'index' as kind, index_name as name
from system.main.duckdb_indexes()
where database_name = 'ledger'
union all
select 'constraint' as kind, constraint_text as name
from system.main.duckdb_constraints()
where database_name = 'ledger' and constraint_type <> 'NOT NULL'
union all
select 'computed column' as kind, column_name as name
from system.main.duckdb_columns()
where database_name = 'ledger' and internal = false and (is_generated or column_default is not null)
order by kind, name
