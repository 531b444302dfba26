"""What a release shows otherwise than the one that readers were shown when it was built: ops.release_change.

It is not part of the release's fingerprint, as it speaks of two releases. So it may fail where the release before
cannot be read, and then the table is empty and ops.release says why: no release is refused for want of a comparison. It
is filled in a transaction of its own, after all other tables, since an error ends the transaction that it comes in.

Nothing is compared where a difference would not tell of the news: under other versions of contract or rules every row
may differ, and after a takedown a row would say what was taken down.
"""

from collections.abc import Iterable, Mapping

import duckdb

from warehouse.explain import explain
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


def find_previous(home: Home, known: Iterable[releases.ReleaseRow]) -> releases.ReleaseRow | str:
    """Return the release that FILE shows, or the reason for which it can neither be compared with nor gone on from.

    In: the releases that the ledger knows.
    """
    release_id = home.linked_release()
    if release_id is None:
        return FIRST_LOAD
    row = next((row for row in known if row.release_id == release_id), None)
    if row is None or not publish.is_untouched(home.release_file(release_id), row.file):
        return NOT_AS_PUBLISHED
    return row if row.versions == build.VERSIONS else OTHER_VERSIONS


def tell_changes(connection: duckdb.DuckDBPyConnection, home: Home, previous: releases.ReleaseRow | str) -> None:
    """Fill ops.release_change of the release attached as `news`, which is filled but for that.

    In: what `find_previous` gave, or the reason for which there is nothing to compare with. A release before that turns
    out to be unreadable, or too large for the memory allowed, is told as such.
    """
    if isinstance(previous, str):
        connection.execute("update news.ops.release set uncompared_reason = $1", [previous])
        return
    file = home.release_file(previous.release_id)
    try:
        attach_release(connection, file, "before")
        insert_changes(connection, previous.release_id, after="news")
    except duckdb.Error as error:
        if explain(error, file, is_ledger=False) is None:
            raise
        connection.execute("update news.ops.release set uncompared_reason = $1", [UNREADABLE])
    finally:
        connection.execute("detach database if exists before")


def insert_changes(connection: duckdb.DuckDBPyConnection, previous_id: str, after: str = "after") -> None:
    """Compare the catalogs `before` and `after`, which may have another name."""
    changes = read_sql("ops", "release_change").replace(" after.", f" {after}.")
    with transaction(connection):
        connection.execute(f"insert into news.ops.release_change by name {changes}")
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
