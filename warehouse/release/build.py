"""Builds a release, whole, from the ledger's events at or before an as-of.

It is a pure function of those events and of the rules' version: nothing is carried over from the release before, so
an incremental run equals a rebuild, and time travel is a parameter. Scratch tables (warehouse/sql/work) each hold one
thought and lie in memory; the release's tables are filled from them by one SELECT each.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import duckdb

from schemas.batches import RULES_VERSION
from schemas.declarations import Table
from schemas.errors import AuditFailed
from schemas.tables import BASE_TABLES, CONTRACT_VERSION
from schemas.urls import POLICY_VERSION
from warehouse.clock import utc_now
from warehouse.contract import STANDARD_VERSION, relationships, render_contract
from warehouse.ledger.opening import transaction
from warehouse.parallel import Step, run_steps
from warehouse.release.catalog import add_key, comments, create_tables, create_views, folder_of
from warehouse.release.fingerprint import TableFingerprint, combine, fingerprint_table
from warehouse.release.work import BuildStep, identity_steps, needs_of, threads_for, work_steps
from warehouse.sql_files import execute_named, insert_rows, read_sql

# The step that makes the empty tables, and the tables that take longest to fill, so that none is left for the end.
TABLES = "tables"
LARGEST = ("fact_mention", "article_url", "dim_article")


WHOLE, INCREMENTAL = "whole", "incremental"


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of the rules that a release is built under."""

    policy: int
    rules: int
    contract: int = CONTRACT_VERSION


VERSIONS = Versions(POLICY_VERSION, RULES_VERSION)
"""The versions in force: a release under others is made anew."""


@dataclass(frozen=True, slots=True)
class How:
    """How a release was made: of the ledger alone (`whole`, and why), or from another by so many rows (`incremental`).

    `replaced`: how many rows of each table went or came.
    """

    kind: str = WHOLE
    base: str | None = None
    came: int | None = None
    went: int | None = None
    reason: str | None = None
    replaced: tuple[tuple[str, int], ...] = ()

    def as_record(self) -> dict[str, Any]:
        """What `run --json` tells of it."""
        names = ("kind", "base", "came", "went", "reason")
        return {name: getattr(self, name) for name in names}


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
    versions: Versions
    how: How = How()


FillOps = Callable[[Built], None]


def deduplicate(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> None:
    """Decide which URLs are one article, as of `as_of`: aliases and their closure, and the key of each.

    The release attached as `news` gets its empty tables meanwhile.
    """
    steps = [*identity_steps(as_of), *(step for step in release_steps(as_of) if step.name == TABLES)]
    run_steps(connection, "news", steps, threads=threads_for(connection))


def load(
    connection: duckdb.DuckDBPyConnection,
    as_of: datetime,
    release_id: str,
    fill_ops: FillOps,
    why_whole: str | None = None,
) -> Built:
    """Fill the release attached as `news` from the ledger's events up to `as_of`, after `deduplicate`.

    `fill_ops` fills what only the run knows, and is given what was built. Raises AuditFailed where two natural keys
    give one surrogate key.
    """
    done = {TABLES, *(step.name for step in identity_steps(as_of))}
    made = run_steps(connection, "news", [*work_steps(as_of), *release_steps(as_of)], threads_for(connection), done)
    tables = tuple(one for table in BASE_TABLES if (one := made[table.name]) is not None)
    built = describe(connection, as_of, release_id, tables, How(reason=why_whole))
    with transaction(connection):
        write_what_it_is(connection, built)
        fill_ops(built)
    return built


def release_steps(as_of: datetime) -> Iterator[BuildStep]:
    """Yield the steps that make the release's tables and views, with all comments, and fill the tables by SQL."""
    yield Step(TABLES, frozenset(), make_tables)
    for table in sorted(BASE_TABLES, key=lambda table: table.name not in LARGEST):
        sql = read_sql(folder_of(table), table.name)
        yield Step(table.name, needs_of(sql) | {TABLES}, partial(_fill, table, sql))
    for name in ("alias", "notice"):
        sql = read_sql("ops", name)
        insert, values = f"insert into news.ops.{name} by name {sql}", {"as_of": as_of}
        yield Step(name, needs_of(sql) | {TABLES}, partial(_fill_ops, insert, values))


def make_tables(cursor: duckdb.DuckDBPyConnection) -> None:
    """Make the empty tables and the views, with all comments, in one commit. What is filled here has no key yet."""
    with transaction(cursor):
        for statements in (create_tables(without_key=BASE_TABLES), create_views(), comments()):
            cursor.execute(";\n".join(statements))


def _fill(table: Table, select: str, cursor: duckdb.DuckDBPyConnection) -> TableFingerprint:
    """Fill a table of schema main in a transaction of its own, and give it its key: all rows enter the index at once.

    Out: its fingerprint.
    """
    try:
        with transaction(cursor):
            cursor.execute(f"insert into news.{table.qualified_name} by name {select}")
            if table.declared_key:
                cursor.execute(add_key(table))
            made = fingerprint_table(cursor, "news", table)
    except (duckdb.ConstraintException, duckdb.TransactionException) as error:
        if "constraint" not in str(error):
            raise
        raise AuditFailed("a key or a required column is broken", where=f"{table.name}: {error}") from error
    return made


def _fill_ops(insert: str, values: Mapping[str, object], cursor: duckdb.DuckDBPyConnection) -> None:
    execute_named(cursor, insert, values)


def describe(
    connection: duckdb.DuckDBPyConnection,
    as_of: datetime,
    release_id: str,
    tables: tuple[TableFingerprint, ...],
    how: How,
) -> Built:
    """Tell of the release attached as `news` what it holds."""
    counts = {one.table: one.row_count for one in tables}
    ((present,),) = connection.execute(
        "select count(*) from news.main.dim_document where removed_at is null"
    ).fetchall()
    return Built(
        release_id=release_id,
        as_of=as_of,
        built_at=utc_now(),
        document_count=int(present),
        article_count=counts["dim_article"],
        mention_count=counts["fact_mention"],
        fingerprint=combine(tables),
        tables=tables,
        versions=VERSIONS,
        how=how,
    )


def write_what_it_is(connection: duckdb.DuckDBPyConnection, built: Built) -> None:
    """Write what the release attached as `news` is, and what it promises: ops.release, contract and relationship."""
    release = {
        "release_id": built.release_id,
        "as_of": built.as_of,
        "built_at": built.built_at,
        "contract_version": built.versions.contract,
        "policy_version": built.versions.policy,
        "rules_version": built.versions.rules,
        "document_count": built.document_count,
        "article_count": built.article_count,
        "mention_count": built.mention_count,
        "fingerprint": built.fingerprint,
        "build_kind": built.how.kind,
        "base_release_id": built.how.base,
        "rows_came": built.how.came,
        "rows_went": built.how.went,
        "whole_build_reason": built.how.reason,
    }
    insert_rows(connection, "news.ops.release", [release])
    contract = {"contract_version": CONTRACT_VERSION, "standard": STANDARD_VERSION, "yaml": render_contract()}
    insert_rows(connection, "news.ops.contract", [contract])
    insert_rows(connection, "news.ops.relationship", list(relationships()))
