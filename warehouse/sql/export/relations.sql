-- One row per table and view of the release: tables in the order in which they were made, then views. What it is called and
-- means, its columns in order, the key that DuckDB knows of, and the statement that makes a view anew.
with

relation_columns as (
    select
        schema_name,
        table_name,
        list(
            {'name': column_name, 'type': data_type, 'comment': coalesce(comment, ''), 'is_nullable': is_nullable}
            order by column_index
        ) as columns,
    from duckdb_columns()
    where database_name = current_database() and not internal
    group by all
),

relations as (
    select
        schema_name,
        table_name,
        table_oid as oid,
        comment,
        null::varchar as sql,
    from duckdb_tables()
    where database_name = current_database() and not internal
    union all by name
    select
        schema_name,
        view_name as table_name,
        view_oid as oid,
        comment,
        sql,
    from duckdb_views()
    where database_name = current_database() and not internal
),

keys as (
    select
        table_oid as oid,
        constraint_column_names as primary_key,
    from duckdb_constraints()
    where database_name = current_database() and constraint_type = 'PRIMARY KEY'
)

select
    relations.schema_name as schema,
    relations.table_name as name,
    relations.schema_name || '.' || relations.table_name as full_name,
    coalesce(relations.comment, '') as comment,
    relation_columns.columns,
    coalesce(keys.primary_key, []) as primary_key,
    relations.sql,
from relations
inner join relation_columns using (schema_name, table_name)
left join keys on keys.oid = relations.oid and relations.sql is null
order by relations.sql is not null, relations.oid
