"""What a release file says of itself: which release it is, its tables and views, their columns and meaning.

It is read from the file's own catalog and not from the declarations: a release may have been built by another version
of newsmart than the one that exports it, and what is exported must describe itself as it is.
"""

from dataclasses import dataclass
from typing import Any

import duckdb

from schemas.errors import RunFailed
from schemas.tables import ALL_TABLES
from warehouse.clock import as_plain
from warehouse.sql_files import fetch_records, read_sql

Record = dict[str, Any]

AUDITED_KEYS = {
    table.qualified_name: list(table.primary_key)
    for table in ALL_TABLES
    if table.kind != "view" and table.primary_key and not table.declared_key
}


@dataclass(frozen=True, slots=True)
class Contents:
    """A release: its row of ops.release (times as ISO 8601 in UTC), its tables and its views.

    Tables and views are records of sql/export/relations.sql; `primary_key` is what is unique in a table, also where
    DuckDB does not know of it. `contract` is the YAML of ops.contract, None in a release from before there was one.
    """

    release: Record
    tables: list[Record]
    views: list[Record]
    contract: str | None


def read_contents(connection: duckdb.DuckDBPyConnection) -> Contents:
    """Return what the release that the connection has opened says of itself. Raises RunFailed where it is none."""
    relations = {one["full_name"]: one for one in fetch_records(connection, read_sql("export", "relations"))}
    if "ops.release" not in relations:
        raise RunFailed("not a release of newsmart", where="it has no table ops.release")
    releases = fetch_records(connection, "from ops.release")
    if len(releases) != 1:
        raise RunFailed("not a release of newsmart", where=f"ops.release has {len(releases)} rows")
    for name in relations.keys() & AUDITED_KEYS.keys():
        if {column["name"] for column in relations[name]["columns"]}.issuperset(AUDITED_KEYS[name]):
            relations[name]["primary_key"] = AUDITED_KEYS[name]
    contracts = connection.execute("select yaml from ops.contract").fetchall() if "ops.contract" in relations else []
    return Contents(
        as_plain(releases[0]),
        [relation for relation in relations.values() if relation["sql"] is None],
        [relation for relation in relations.values() if relation["sql"] is not None],
        contracts[0][0] if contracts else None,
    )
