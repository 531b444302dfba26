-- Breaks where ops.relationship speaks of a column that the release has not, or of two columns of different types: a BI
-- tool would draw a join that fails. Whether each row finds its other is audited table by table.
with

named_columns as (
    select
        case when schema_name = 'main' then table_name else schema_name || '.' || table_name end as relation,
        column_name,
        data_type,
    from duckdb_columns()
    where database_name = current_database() and not internal
)

select relationship.*
from ops.relationship as relationship
left join named_columns as referring
    on
        referring.relation = relationship.from_table
        and referring.column_name = relationship.from_column
left join named_columns as referred
    on
        referred.relation = relationship.to_table
        and referred.column_name = relationship.to_column
where
    referring.data_type is distinct from referred.data_type
    or referred.data_type is null
