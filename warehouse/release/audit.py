"""Audits a release before it is published: each audit is a query that returns the rows that break it.

Keys and references are derived from the declarations, the rest is written by hand in warehouse/sql/audits. Foreign
keys are audited and not declared, as enforcing them costs several times the load. Results go into ops.audit; one
failure and nothing is published.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime

import duckdb

from schemas.errors import AuditFailed
from schemas.ops_tables import OPS_TABLES
from schemas.tables import ALL_TABLES, BASE_TABLES
from warehouse.db import named
from warehouse.parallel import THREADS, map_queries
from warehouse.release.work import threads_for
from warehouse.sql_files import execute_named, insert_rows, read_sql, sql_names

# Where joins and groups of millions of rows make one query, DuckDB gives each of them memory as if it were alone, and
# the query fails for want of it, with more memory too. Told to spill from the start it passes, and takes no longer.
SPILL_ALWAYS = "set debug_force_external = true"


@dataclass(frozen=True, slots=True)
class AuditResult:
    """One audit's outcome; `example` is an offending row as text."""

    name: str
    status: str
    offending_rows: int
    example: str | None


@dataclass(frozen=True, slots=True)
class Audit:
    """A name and the query that returns offending rows."""

    name: str
    sql: str


def audits() -> Iterator[Audit]:
    """Yield every audit, derived ones first."""
    for table in ALL_TABLES:
        if table.primary_key:
            columns = ", ".join(named(name) for name in table.primary_key)
            keys = f"select {columns}, count(*) as row_count from {table.qualified_name}"
            yield Audit(f"unique__{table.name}", f"{keys} group by all having count(*) > 1")
    # Those of the views follow from these, and cost as much as all other audits together.
    for table in (*BASE_TABLES, *OPS_TABLES):
        for key in table.foreign_keys:
            yield Audit(
                f"reference__{table.name}__{key.column}",
                f"select distinct referring.{key.column} from {table.qualified_name} as referring "
                f"anti join news.main.{key.table} as referred on referred.{key.to_column} = referring.{key.column} "
                f"where referring.{key.column} is not null",
            )
    for name in sql_names("audits"):
        yield Audit(name, read_sql("audits", name))


def run_audits(
    connection: duckdb.DuckDBPyConnection, as_of: datetime, catalog: str = "news", more: Iterable[Audit] = ()
) -> tuple[AuditResult, ...]:
    """Run every audit on the release attached as `news` and write the results into its ops.audit.

    The ledger and the scratch tables of the build must be at hand. `catalog`: where the audits look, which of a release
    that is made from another is that part of it which may have changed; `more`: what is asked besides.
    """
    is_large = catalog == "news" and threads_for(connection) == 1

    def ask(audit: Audit, cursor: duckdb.DuckDBPyConnection) -> AuditResult:
        if is_large:
            cursor.execute(SPILL_ALWAYS)
        query = f"select count(*), min(offending::varchar) from ({audit.sql}) as offending"
        ((count, example),) = execute_named(cursor, query, {"as_of": as_of}).fetchall()
        return AuditResult(audit.name, "fail" if count else "pass", int(count), example)

    results = tuple(map_queries(connection, catalog, ask, (*audits(), *more), threads=1 if is_large else THREADS))
    insert_rows(connection, "news.ops.audit", [asdict(result) for result in results])
    return results


def check(results: tuple[AuditResult, ...]) -> None:
    """Raise AuditFailed, naming the audits and an offending row of each, where any failed."""
    failed = [result for result in results if result.status == "fail"]
    if failed:
        told = "; ".join(f"{one.name} ({one.offending_rows} rows, such as {one.example})" for one in failed)
        what = "the release breaks its audits, so it is not published"
        raise AuditFailed(what, where=told, todo="see state.json for all results; the release before stays")
