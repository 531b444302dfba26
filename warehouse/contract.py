"""The contract as text: what consumers may rely on, in the Open Data Contract Standard, and what a change does to them.

Rendered from the declarations, as the data dictionary is, so that the promise and the tables are one text. It is YAML
of the standard and not a form of our own, because catalogs and validators read it. Version 3.1.0 of the standard is
the first that knows relationships, and programs that know later ones read it too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
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


def render_contract(tables: Iterable[Table] = ALL_TABLES, version: int = CONTRACT_VERSION) -> str:
    """Return the contract as YAML."""
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
        "physicalName": _shown(table),
        "physicalType": "view" if table.kind == "view" else "table",
        "logicalType": "object",
        "description": table.description,
        "dataGranularityDescription": f"One row per {table.grain}.",
        "properties": [_column(table, column) for column in table.columns],
    }


def _contract_key(table: Table) -> tuple[str, ...]:
    """Return the key as the standard means it: none of its columns may be NULL, which in a view's one can be."""
    nullable = {column.name for column in table.columns if column.is_nullable}
    return () if nullable & set(table.primary_key) else table.primary_key


def _shown(table: Table) -> str:
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
    key = _contract_key(table)
    if column.name in key:
        tree |= {"primaryKey": True, "primaryKeyPosition": key.index(column.name) + 1}
    if column.unit is not None:
        tree["customProperties"] = [{"property": "unit", "value": column.unit}]
    targets = [f"{key.table}.{key.to_column}" for key in table.foreign_keys if key.column == column.name]
    if targets:
        tree["relationships"] = [{"type": "foreignKey", "to": target} for target in targets]
    return tree


def promised_keys(contract: str) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the columns that are unique together in each table and view of a contract, by schema and name."""
    keys = {}
    for table in yaml.load(contract, Loader=yaml.CSafeLoader)["schema"]:
        schema, _, name = table["physicalName"].rpartition(".")
        places = {one["primaryKeyPosition"]: one["name"] for one in table["properties"] if one.get("primaryKey")}
        keys[schema or "main", name] = tuple(places[place] for place in sorted(places))
    return keys


@dataclass(frozen=True, slots=True)
class Relationship:
    """A row of ops.relationship: a column that refers to a column of another table, and whether it is never NULL."""

    from_table: str
    from_column: str
    to_table: str
    to_column: str
    is_required: bool


def relationships(tables: Iterable[Table] = ALL_TABLES) -> Iterator[Relationship]:
    """Yield every reference that is declared; tables of schema ops are named with it."""
    for table in tables:
        required = {column.name for column in table.columns if not column.is_nullable}
        for key in table.foreign_keys:
            yield Relationship(_shown(table), key.column, key.table, key.to_column, key.column in required)


@dataclass(frozen=True, slots=True)
class Changes:
    """What one contract has that another had not, what breaks consumers, and what is told in other words.

    `rewordings` name descriptions that differ: whether a meaning changed with the words is for a person to judge.
    """

    additions: tuple[str, ...] = ()
    breaks: tuple[str, ...] = ()
    rewordings: tuple[str, ...] = ()


def compare_contracts(old: Mapping[str, Any], new: Mapping[str, Any]) -> Changes:
    """Return what a change of the contract means to those who rely on the old one. In: both as parsed YAML."""
    found = list(_table_changes(_named(old["schema"]), _named(new["schema"])))
    return Changes(*(tuple(text for kind, text in found if kind == wanted) for wanted in ("add", "break", "reword")))


def _named(things: Sequence[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(thing["name"]): thing for thing in things}


Found = Iterator[tuple[str, str]]


def _table_changes(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> Found:
    yield from _gone_and_added(old, new, "table ")
    for name in (name for name in old if name in new):
        before, after = old[name], new[name]
        yield from _differing(before, after, ("physicalName", "dataGranularityDescription"), name)
        if before.get("description") != after.get("description"):
            yield "reword", name
        columns, now = _named(before["properties"]), _named(after["properties"])
        yield from _gone_and_added(columns, now, f"{name}.")
        for column in (column for column in columns if column in now):
            yield from _column_changes(columns[column], now[column], f"{name}.{column}")


def _gone_and_added(old: Mapping[str, object], new: Mapping[str, object], place: str) -> Found:
    yield from (("break", f"{place}{name} is gone") for name in sorted(old.keys() - new.keys()))
    yield from (("add", f"{place}{name}") for name in sorted(new.keys() - old.keys()))


def _column_changes(old: Mapping[str, Any], new: Mapping[str, Any], place: str) -> Found:
    yield from _differing(old, new, ("physicalType", "primaryKeyPosition", "customProperties"), place)
    if old["required"] and not new["required"]:
        yield "break", f"{place} may be NULL"
    elif new["required"] and not old["required"]:
        yield "add", f"{place} is never NULL"
    before, after = ({one["to"] for one in tree.get("relationships", ())} for tree in (old, new))
    yield from (("break", f"{place} no longer refers to {target}") for target in sorted(before - after))
    yield from (("add", f"{place} refers to {target}") for target in sorted(after - before))
    if old.get("description") != new.get("description"):
        yield "reword", place


def _differing(old: Mapping[str, Any], new: Mapping[str, Any], fields: Sequence[str], place: str) -> Found:
    for field in fields:
        if old.get(field) != new.get(field):
            yield "break", f"{place}: {field} was {_told(old.get(field))}, is {_told(new.get(field))}"


def _told(value: object) -> str:
    """Return a value for people; the only custom property is the unit."""
    return str(value[0]["value"]) if isinstance(value, list) and value else str(value)
