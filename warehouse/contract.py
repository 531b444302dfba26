"""The contract as text: what consumers may rely on, in the Open Data Contract Standard.

Rendered from the declarations, as the data dictionary is, so that the promise and the tables are one text. It is YAML
of the standard and not a form of our own, because catalogs and validators read it. Version 3.1.0 of the standard is
the first that knows relationships, and programs that know later ones read it too.
"""

from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from schemas.declarations import Column, Table
from schemas.tables import ALL_TABLES, CONTRACT_VERSION

STANDARD_VERSION = "v3.1.0"
ID = "newsmart"
LOGICAL_TYPES = {
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "number",
    "VARCHAR": "string",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP": "timestamp",
}
PURPOSE = "News documents, deduplicated by URL, as a star schema with history."
USAGE = (
    "Read a release with any DuckDB from 1.2 on, read-only, or an export of it. Start with the view articles. Select "
    "columns by name: a later release of the same contract version may have more tables and columns."
)
LIMITATIONS = (
    "NULL means unknown. Keys are 63 bits wide, more than binary64 holds. Times are in UTC. Relationships hold, which "
    "is audited before each release; DuckDB knows no foreign key. Tables of schema ops speak of runs and clocks."
)

Tree = dict[str, Any]


@cache
def render_contract(tables: tuple[Table, ...] = ALL_TABLES, version: int = CONTRACT_VERSION) -> str:
    """Return the contract as YAML, rendered once in a process: rendering takes a tenth of a small run."""
    tree: Tree = {
        "apiVersion": STANDARD_VERSION,
        "kind": "DataContract",
        "id": ID,
        "name": ID,
        "version": str(version),
        "status": "active",
        "description": {"purpose": PURPOSE, "usage": USAGE, "limitations": LIMITATIONS},
        "schema": [_table(table) for table in tables],
    }
    return yaml.dump(tree, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=120)


def _table(table: Table) -> Tree:
    return {
        "name": table.name,
        "physicalName": shown_name(table),
        "physicalType": "view" if table.kind == "view" else "table",
        "logicalType": "object",
        "description": table.description,
        "dataGranularityDescription": f"One row per {table.grain}.",
        "properties": [_column(table, column) for column in table.columns],
    }


def shown_name(table: Table) -> str:
    """Return the table's name as consumers write it: that of schema ops with its schema."""
    return table.name if table.schema == "main" else table.qualified_name


def _column(table: Table, column: Column) -> Tree:
    tree: Tree = {
        "name": column.name,
        "logicalType": LOGICAL_TYPES[column.type],
        "physicalType": column.type,
        "description": column.description,
        "required": not column.is_nullable,
    }
    # The standard's key is never NULL, which a column of a view's key can be.
    has_key = not {one.name for one in table.columns if one.is_nullable} & set(table.primary_key)
    if has_key and column.name in table.primary_key:
        tree |= {"primaryKey": True, "primaryKeyPosition": table.primary_key.index(column.name) + 1}
    if column.unit is not None:
        tree["customProperties"] = [{"property": "unit", "value": column.unit}]
    targets = [f"{key.table}.{key.to_column}" for key in table.foreign_keys if key.column == column.name]
    if targets:
        tree["relationships"] = [{"type": "foreignKey", "to": target} for target in targets]
    return tree


def relationships() -> Iterator[dict[str, str | bool]]:
    """Yield the rows of ops.relationship: every reference that is declared, and whether it is never NULL."""
    for table in ALL_TABLES:
        required = {column.name for column in table.columns if not column.is_nullable}
        for key in table.foreign_keys:
            yield {
                "from_table": shown_name(table),
                "from_column": key.column,
                "to_table": key.table,
                "to_column": key.to_column,
                "is_required": key.column in required,
            }
