"""What a release file says of itself: which release it is, its tables and views, their columns and meaning.

It is read from the file's own catalog and not from the declarations: a release may have been built by another version
of newsmart than the one that exports it, and what is exported must describe itself as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from schemas.errors import RunFailed
from schemas.tables import ALL_TABLES
from warehouse.clock import as_text
from warehouse.sql_files import fetch_records, read_sql

AUDITED_KEYS = {
    table.qualified_name: table.primary_key
    for table in ALL_TABLES
    if table.kind != "view" and table.primary_key and not table.declared_key
}


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view as the file has it; `sql` is the statement that makes a view, None for a table.

    `columns`: name, type (DuckDB's name for it), comment and is_nullable of each. `primary_key`: what is unique in a
    table, also where DuckDB does not know of it.
    """

    schema: str
    name: str
    comment: str
    columns: Sequence[Mapping[str, Any]]
    primary_key: Sequence[str]
    sql: str | None

    @property
    def qualified_name(self) -> str:
        """Schema and name."""
        return f"{self.schema}.{self.name}"

    @property
    def column_types(self) -> tuple[tuple[str, str], ...]:
        """Name and type of each column, for the fingerprint."""
        return tuple((column["name"], column["type"]) for column in self.columns)


@dataclass(frozen=True, slots=True)
class Contents:
    """A release: its row of ops.release (times as ISO 8601 in UTC), its tables and its views.

    `contract` is the YAML of ops.contract, None in a release from before there was one.
    """

    release: Mapping[str, Any]
    tables: tuple[Relation, ...]
    views: tuple[Relation, ...]
    contract: str | None = None

    @property
    def release_id(self) -> str:
        """The release's name."""
        return str(self.release["release_id"])

    @property
    def fingerprint(self) -> str:
        """The hash over the rows of schema main."""
        return str(self.release["fingerprint"])


def read_contents(connection: duckdb.DuckDBPyConnection) -> Contents:
    """Return what the release that the connection has opened says of itself. Raises RunFailed where it is none."""
    relations = [_relation(row) for row in fetch_records(connection, read_sql("export", "relations"))]
    names = {relation.qualified_name for relation in relations}
    if "ops.release" not in names:
        raise RunFailed("not a release of newsmart", where="it has no table ops.release")
    releases = fetch_records(connection, "from ops.release")
    if len(releases) != 1:
        raise RunFailed("not a release of newsmart", where=f"ops.release has {len(releases)} rows")
    contracts = connection.execute("select yaml from ops.contract").fetchall() if "ops.contract" in names else []
    return Contents(
        {name: as_text(one) if isinstance(one, datetime) else one for name, one in releases[0].items()},
        tuple(relation for relation in relations if relation.sql is None),
        tuple(relation for relation in relations if relation.sql is not None),
        contracts[0][0] if contracts else None,
    )


def _relation(row: Mapping[str, Any]) -> Relation:
    """Return a relation; a key that is audited and not declared in DuckDB comes from our own declarations."""
    audited = AUDITED_KEYS.get(f"{row['schema']}.{row['name']}", ())
    has_them = {column["name"] for column in row["columns"]}.issuperset(audited)
    return Relation(**{**row, "primary_key": row["primary_key"] or (audited if has_them else ())})
