"""Reads and runs the SQL that lies beside the code: one SELECT, or one script, a file, named after what it makes.

SQL in files can be read, linted and run by a DBA; a template engine would take that away, so there is none. What
varies is a named parameter.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb


@cache
def read_sql(folder: str, name: str) -> str:
    """Return the text of warehouse/sql/`folder`/`name`.sql. Raises FileNotFoundError where there is none."""
    return (files("warehouse") / "sql" / folder / f"{name}.sql").read_text(encoding="utf-8")


def sql_names(folder: str) -> Iterator[str]:
    """Yield the names of the SQL files in warehouse/sql/`folder`, sorted, without the suffix."""
    names = [entry.name for entry in (files("warehouse") / "sql" / folder).iterdir()]
    yield from (name.removesuffix(".sql") for name in sorted(names) if name.endswith(".sql"))


def fetch_records(
    connection: "duckdb.DuckDBPyConnection", sql: str, values: Mapping[str, object] | None = None
) -> list[dict[str, Any]]:
    """Return a query's rows as dictionaries."""
    cursor = connection.execute(sql, values)
    names = [str(column[0]) for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def execute_named(
    connection: "duckdb.DuckDBPyConnection", sql: str, values: Mapping[str, object]
) -> "duckdb.DuckDBPyConnection":
    """Run a statement with those of the values that it names; DuckDB refuses a value that none asks for."""
    return connection.execute(sql, {name: value for name, value in values.items() if f"${name}" in sql} or None)


def insert_rows(connection: "duckdb.DuckDBPyConnection", table: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Insert rows by the names of their columns, in one statement: each is a commit in a release's file."""
    if rows:
        insert = f"insert into {table} by name select unnest($rows, recursive := true)"
        connection.execute(insert, {"rows": list(rows)})


def run_script(
    connection: "duckdb.DuckDBPyConnection", folder: str, name: str, parameters: Mapping[str, object] | None = None
) -> int:
    """Run the statements of an SQL file one after another, each with those of the parameters that it names.

    Out: how many rows the last one changed.
    """
    changed = 0
    for statement in connection.extract_statements(read_sql(folder, name)):
        values = {name: (parameters or {})[name] for name in statement.named_parameters}
        changed = next((int(row[0]) for row in connection.execute(statement, values).fetchall()), 0)
    return changed


def define_macros(connection: "duckdb.DuckDBPyConnection") -> None:
    """Define surrogate_key(text), key_of_digest(blob), date_key(timestamp), time_text(timestamp) for a connection."""
    run_script(connection, "ledger", "macros")
