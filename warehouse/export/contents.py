"""What a release file says of itself: which release it is, its tables and views, their columns and meaning.

It is read from the file's own catalog and not from the declarations: a release may have been built by another version
of newsmart than the one that exports it, and what is exported must describe itself as it is.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb

from schemas.errors import RunFailed
from warehouse.contract import promised_keys
from warehouse.sql_files import fetch_records, read_sql


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """A column as the file has it; `type` is DuckDB's name for it."""

    name: str
    type: str
    comment: str
    is_nullable: bool


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view as the file has it; `sql` is the statement that makes a view, None for a table.

    `primary_key`: what is unique in a table, also where DuckDB does not know of it.
    """

    schema: str
    name: str
    comment: str
    columns: tuple[ExportColumn, ...]
    primary_key: tuple[str, ...]
    sql: str | None

    @property
    def qualified_name(self) -> str:
        """Schema and name."""
        return f"{self.schema}.{self.name}"

    @property
    def column_types(self) -> tuple[tuple[str, str], ...]:
        """Name and type of each column, for the fingerprint."""
        return tuple((column.name, column.type) for column in self.columns)


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
    columns: dict[tuple[str, str], list[ExportColumn]] = {}
    for schema, relation, name, type_, comment, is_nullable in connection.execute(
        read_sql("export", "columns")
    ).fetchall():
        columns.setdefault((schema, relation), []).append(ExportColumn(name, type_, comment or "", is_nullable))
    if ("ops", "release") not in columns:
        raise RunFailed("not a release of newsmart", where="it has no table ops.release")
    releases = fetch_records(connection, "from ops.release")
    if len(releases) != 1:
        raise RunFailed("not a release of newsmart", where=f"ops.release has {len(releases)} rows")
    has_contract = ("ops", "contract") in columns
    contracts = connection.execute("select yaml from ops.contract").fetchall() if has_contract else []
    keys = {} if not contracts else promised_keys(contracts[0][0])

    def relations(kind: str) -> Iterator[Relation]:
        for schema, name, comment, declared_key, sql in connection.execute(read_sql("export", kind)).fetchall():
            key = tuple(declared_key) or (keys.get((schema, name), ()) if kind == "tables" else ())
            yield Relation(schema, name, comment or "", tuple(columns[schema, name]), key, sql)

    return Contents(
        {name: f"{one.isoformat()}Z" if isinstance(one, datetime) else one for name, one in releases[0].items()},
        tuple(relations("tables")),
        tuple(relations("views")),
        contracts[0][0] if contracts else None,
    )
