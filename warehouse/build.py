"""Builds a release, whole, from the ledger's events at or before an as-of.

It is a pure function of those events and of the rules' version: nothing is carried over from the release before, so
an incremental run equals a rebuild, and time travel is a parameter. Scratch tables (warehouse/sql/work) each hold one
thought and lie in memory; the release's tables are filled from them by one SELECT each.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from schemas.errors import AuditFailed
from schemas.tables import CONTRACT_VERSION
from warehouse import faults, interrupts
from warehouse.catalog import comments, create_tables, create_views, filled_by_sql, folder_of
from warehouse.closure import components
from warehouse.db import attach_new
from warehouse.fingerprint import TableFingerprint, combine, fingerprint_tables
from warehouse.ledger import transaction
from warehouse.sql_files import read_sql

# In the order in which they need one another.
WORK = (
    "version",
    "span",
    "used_entry",
    "entry_url",
    "alias_edge",
    "closure",
    "key_owner",
    "entry_article",
    "mention",
    "article_life",
    "article_entry",
    "entry_shown_url",
    "article_url_choice",
    "article_value",
    "current_mention",
    "boundary",
    "moment_value",
)


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of the rules that a release is built under."""

    policy: int
    rules: int
    contract: int = CONTRACT_VERSION


@dataclass(frozen=True, slots=True)
class Built:
    """A release that is built and not yet published: what it holds, table by table."""

    release_id: str
    as_of: datetime
    built_at: datetime
    document_count: int
    article_count: int
    mention_count: int
    fingerprint: str
    tables: tuple[TableFingerprint, ...]


FillOps = Callable[[Built], None]


@contextmanager
def building(connection: duckdb.DuckDBPyConnection, file: Path) -> Iterator[None]:
    """Attach a new release file as `news` for the block; afterwards it is closed, whole, without a log."""
    attach_new(connection, file, "news")
    try:
        yield
    finally:
        connection.execute("use ledger")
        connection.execute("detach news")


def fill_release(
    connection: duckdb.DuckDBPyConnection, as_of: datetime, release_id: str, versions: Versions, fill_ops: FillOps
) -> Built:
    """Fill the release attached as `news` from the ledger's events up to `as_of`.

    The tables are filled in one transaction because each commit is a checkpoint here: two hundred comments would cost
    more than all the rows. `fill_ops` fills what only the run knows, and is given what was built.
    """
    lay_out(connection, as_of)
    with transaction(connection):
        fill(connection)
    built = describe(connection, as_of, release_id)
    with transaction(connection):
        _write_release(connection, built, versions)
        fill_ops(built)
    return built


def lay_out(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> None:
    """Fill the scratch tables of catalog `work` from the ledger's events at or before `as_of`."""
    for name in WORK:
        interrupts.check()
        sql = read_sql("work", name)
        parameters = {"as_of": as_of} if "$as_of" in sql else None
        connection.execute(f"create or replace table work.{name} as {sql}", parameters)
        if name == "closure":
            close_over_aliases(connection)


def close_over_aliases(connection: duckdb.DuckDBPyConnection) -> None:
    """Fill work.closure from the pairs in work.alias_edge."""
    pairs = connection.execute("select url_key, alias_key from work.alias_edge").fetchall()
    closed = list(components(pairs))
    table = pa.table(
        {
            "url_key": pa.array([key for key, _ in closed], pa.string()),
            "component": pa.array([component for _, component in closed], pa.string()),
        }
    )
    connection.register("closed", table)
    connection.execute("insert into work.closure by name select * from closed")
    connection.unregister("closed")


def clear_work(connection: duckdb.DuckDBPyConnection) -> None:
    """Drop the scratch tables, so that a long-lived process gives their memory back."""
    for name in WORK:
        connection.execute(f"drop table if exists work.{name}")


def fill(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the release's tables, fill those of schema main, and make the views, with all comments.

    Raises AuditFailed where two natural keys give one surrogate key.
    """
    connection.execute("use news")
    _run(connection, create_tables())
    for table in filled_by_sql():
        interrupts.check()
        select = read_sql(folder_of(table), table.name)
        try:
            connection.execute(f"insert into news.{table.qualified_name} by name {select}")
        except duckdb.ConstraintException as error:
            raise AuditFailed("a key or a required column is broken", where=f"{table.name}: {error}") from error
        faults.at("during_build")
    connection.execute(f"insert into news.ops.alias by name {read_sql('ops', 'alias')}")
    _run(connection, create_views())
    _run(connection, comments())


def _run(connection: duckdb.DuckDBPyConnection, statements: Iterator[str]) -> None:
    connection.execute(";\n".join(statements))


def describe(connection: duckdb.DuckDBPyConnection, as_of: datetime, release_id: str) -> Built:
    """Count and fingerprint the tables of the release attached as `news`."""
    tables = fingerprint_tables(connection, "news")
    fingerprint = combine(tables)
    counts = {one.table: one.row_count for one in tables}
    return Built(
        release_id=release_id,
        as_of=as_of,
        built_at=datetime.now(UTC).replace(tzinfo=None),
        document_count=_count_present(connection),
        article_count=counts["dim_article"],
        mention_count=counts["fact_mention"],
        fingerprint=fingerprint,
        tables=tables,
    )


def _count_present(connection: duckdb.DuckDBPyConnection) -> int:
    row = connection.execute("select count(*) from news.main.dim_document where removed_at is null").fetchone()
    return 0 if row is None else int(row[0])


def _write_release(connection: duckdb.DuckDBPyConnection, built: Built, versions: Versions) -> None:
    values: Mapping[str, object] = {
        "release_id": built.release_id,
        "as_of": built.as_of,
        "built_at": built.built_at,
        "contract_version": versions.contract,
        "policy_version": versions.policy,
        "rules_version": versions.rules,
        "document_count": built.document_count,
        "article_count": built.article_count,
        "mention_count": built.mention_count,
        "fingerprint": built.fingerprint,
    }
    placeholders = ", ".join(f"${name}" for name in values)
    connection.execute(f"insert into news.ops.release ({', '.join(values)}) values ({placeholders})", dict(values))
