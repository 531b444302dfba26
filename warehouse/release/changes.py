"""What a release shows otherwise than the one that readers were shown when it was built: ops.release_change.

It is not part of the release's fingerprint, as it speaks of two releases. So it may fail where the release before
cannot be read, and then the table is empty and ops.release says why: no release is refused for want of a comparison. It
is filled in a transaction of its own, after all other tables, since an error ends the transaction that it comes in.

Nothing is compared where a difference would not tell of the news: under other versions of contract or rules every row
may differ, and after a takedown a row would say what was taken down.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from schemas.tables import BASE_TABLES
from warehouse.db import attach_release, explain
from warehouse.home import Home
from warehouse.ledger.opening import transaction
from warehouse.release import build, publish, releases
from warehouse.sql_files import read_sql

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
        with _attached(connection, previous):
            _look_at(connection, "before", "previous")
            _look_at(connection, "after", "news")
            insert_changes(connection, previous.row.release_id)
    except duckdb.Error as error:
        if explain(error, previous.file, is_ledger=False) is None:
            raise
        connection.execute("update news.ops.release set uncompared_reason = $1", [UNREADABLE])
    finally:
        connection.execute("detach database if exists before")
        connection.execute("detach database if exists after")


def _look_at(connection: duckdb.DuckDBPyConnection, name: str, release: str) -> None:
    """Show an attached release in a catalog `name`, in which the comparison looks for it."""
    connection.execute(f"attach ':memory:' as {name}")
    for table in BASE_TABLES:
        connection.execute(f"create view {name}.main.{table.name} as select * from {release}.main.{table.name}")


def insert_changes(connection: duckdb.DuckDBPyConnection, previous_id: str) -> None:
    """Compare the catalogs `before` and `after`."""
    with transaction(connection):
        connection.execute(f"insert into news.ops.release_change by name {read_sql('ops', 'release_change')}")
        connection.execute("update news.ops.release set previous_release_id = $1", [previous_id])


@contextmanager
def _attached(connection: duckdb.DuckDBPyConnection, previous: Previous) -> Iterator[None]:
    attach_release(connection, previous.file, "previous")
    try:
        yield
    finally:
        connection.execute("detach previous")


def count_changes(connection: duckdb.DuckDBPyConnection, before: releases.ReleaseRow | None) -> Mapping[str, int]:
    """Count articles of `news` added, changed, withdrawn and departed, and its notices.

    Against the release before, by ops.release_change, so that an article that has split off counts as added. Where that
    was not compared with, what happened since its as-of is counted (None: all are added), and as added at least the
    articles that it has more.
    """
    row = connection.execute("select uncompared_reason is null from news.ops.release").fetchone()
    counted = _CHANGED if row is not None and row[0] else _CHANGED_SINCE
    known = {"since": before and before.as_of, "article_count": before and before.article_count}
    changes = connection.execute(counted, None if counted is _CHANGED else known).fetchone() or ()
    counts = (*changes, *(connection.execute(_TOTALS).fetchone() or ()))
    return dict(zip(_COUNTED, (int(count) for count in counts), strict=True))


_COUNTED = ("added", "changed", "departed", "withdrawn", "notices")

_CHANGED = """
    select
        count(distinct article_key) filter (where kind in ('added', 'split')),
        count(distinct article_key) filter (where kind not in ('added', 'split', 'departed')),
        count(distinct article_key) filter (where kind = 'departed')
    from news.ops.release_change
"""

_CHANGED_SINCE = """
    select
        greatest(
            count(*) filter (where $since::timestamp is null or first_seen_at > $since),
            count(*) - $article_count
        ),
        (
            select count(distinct history.article_key)
            from news.main.article_history as history
            inner join news.main.dim_article as article on article.article_key = history.article_key
            where history.valid_from > $since and article.first_seen_at <= $since
        ),
        count(*) filter (where last_seen_at > $since)
    from news.main.dim_article
"""

_TOTALS = """
    select
        (select count(*) from news.main.dim_article where is_withdrawn),
        (select count(*) from news.ops.notice)
"""
