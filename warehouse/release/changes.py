"""What a release shows otherwise than the one that readers were shown when it was built: ops.release_change.

It is not part of the release's fingerprint, as it speaks of two releases. So it may fail where the release before
cannot be read, and then the table is empty and ops.release says why: no release is refused for want of a comparison. It
is filled in a transaction of its own, after all other tables, since an error ends the transaction that it comes in.

Nothing is compared where a difference would not tell of the news: under other versions of contract or rules every row
may differ, and after a takedown a row would say what was taken down.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from schemas.tables import BASE_TABLES
from warehouse.db import explain
from warehouse.home import Home
from warehouse.ledger.opening import transaction
from warehouse.release import build, publish, releases
from warehouse.release.catalog import attach_release
from warehouse.sql_files import execute_named, read_sql

FIRST_LOAD = "first_load"
TAKEDOWN = "takedown"
OTHER_VERSIONS = "versions"
NOT_AS_PUBLISHED = "not_as_published"
UNREADABLE = "unreadable"
AS_OF = "as_of"


@dataclass(frozen=True, slots=True)
class Previous:
    """The release that readers see: what the ledger says of it, and its file."""

    row: releases.ReleaseRow
    file: Path


def find_previous(home: Home, known: Iterable[releases.ReleaseRow]) -> Previous | str:
    """Return the release that FILE shows, or the reason for which it can neither be compared with nor gone on from.

    In: the releases that the ledger knows.
    """
    release_id = home.linked_release()
    if release_id is None:
        return FIRST_LOAD
    file = home.release_file(release_id)
    row = next((row for row in known if row.release_id == release_id), None)
    if row is None or not publish.is_untouched(file, row.file):
        return NOT_AS_PUBLISHED
    return Previous(row, file) if row.versions == build.VERSIONS else OTHER_VERSIONS


def tell_changes(connection: duckdb.DuckDBPyConnection, previous: Previous | str) -> None:
    """Fill ops.release_change of the release attached as `news`, which is filled but for that.

    In: what `find_previous` gave, or the reason for which there is nothing to compare with. A release before that turns
    out to be unreadable, or too large for the memory allowed, is told as such.
    """
    if isinstance(previous, str):
        connection.execute("update news.ops.release set uncompared_reason = $1", [previous])
        return
    try:
        attach_release(connection, previous.file, "previous")
        _show_as(connection, "before", "previous")
        _show_as(connection, "after", "news")
        insert_changes(connection, previous.row.release_id)
    except duckdb.Error as error:
        if explain(error, previous.file, is_ledger=False) is None:
            raise
        connection.execute("update news.ops.release set uncompared_reason = $1", [UNREADABLE])
    finally:
        for name in ("before", "after", "previous"):
            connection.execute(f"detach database if exists {name}")


def _show_as(connection: duckdb.DuckDBPyConnection, name: str, release: str) -> None:
    """Show an attached release in a catalog `name`, in which the comparison looks for it."""
    connection.execute(f"attach ':memory:' as {name}")
    for table in BASE_TABLES:
        connection.execute(f"create view {name}.main.{table.name} as select * from {release}.main.{table.name}")


def insert_changes(connection: duckdb.DuckDBPyConnection, previous_id: str) -> None:
    """Compare the catalogs `before` and `after`."""
    with transaction(connection):
        connection.execute(f"insert into news.ops.release_change by name {read_sql('ops', 'release_change')}")
        connection.execute("update news.ops.release set previous_release_id = $1", [previous_id])


def count_changes(connection: duckdb.DuckDBPyConnection, before: releases.ReleaseRow | None) -> Mapping[str, int]:
    """Count articles of `news` added, changed, withdrawn and departed, and its notices.

    Against the release before, by ops.release_change; where that was not compared with, by what happened since its
    as-of (None: all are added).
    """
    ((is_compared,),) = connection.execute("select uncompared_reason is null from news.ops.release").fetchall()
    known = {"since": before and before.as_of, "article_count": before and before.article_count}
    changed = read_sql("changes", "compared" if is_compared else "since")
    ((added, changed_count, departed),) = execute_named(connection, changed, known).fetchall()
    ((withdrawn, notices),) = connection.execute(read_sql("changes", "totals")).fetchall()
    counts = {"added": added, "changed": changed_count, "departed": departed, "withdrawn": withdrawn}
    return {**counts, "notices": notices}
