"""What the ledger knows of runs and releases: their rows, the as-of that a run gets from them, and what `ops` tells.

The row of a release holds all that it was built from (the ledger's change, the rules' versions, a hash of the open
problems) and what its file was when it was published, so that a run can tell by it whether there is anything to do.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import islice
from typing import Any

import duckdb

from schemas.errors import UsageError
from schemas.file_state import file_state
from warehouse.db import ledger_connection
from warehouse.home import Home
from warehouse.ledger.opening import change_number, last_as_of
from warehouse.ledger.record import Balance
from warehouse.release import publish
from warehouse.release.build import Built, Versions
from warehouse.release.freshness import CATCHING_UP, LEAST_AHEAD_SECONDS
from warehouse.release.publish import Fingerprint
from warehouse.sql_files import fetch_records

A_DAY = timedelta(days=1)
A_SECOND = timedelta(seconds=1)


def choose_as_of(
    connection: duckdb.DuckDBPyConnection, now: datetime, given: datetime | None, scheduled: datetime | None
) -> datetime:
    """Return the as-of of a new run; all times naive UTC.

    A given one must be later than the last recorded run's, or equal to it where that published nothing, and at most a
    day ahead: else UsageError. A scheduled run takes the later of its time and one second after the last. So does a
    run whose clock is behind the last as-of, however far: a clock that was wrong once must not stop later runs
    (`clock_notices` says so).
    """
    last = last_as_of(connection)
    if given is not None:
        return _check_given(given, now, last)
    wanted = now if scheduled is None else scheduled
    return wanted if last is None or wanted > last[0] else last[0] + A_SECOND


def recorded_runs(home: Home) -> dict[datetime, str]:
    """Return the as-ofs that are recorded and the status of their runs; from the ledger, which alone knows.

    A run that failed before it recorded anything leaves its error in state.json and nothing here. Of one whose row is
    past its keep, its events are there.
    """
    if not home.ledger.is_file():
        return {}
    # A ledger that was made and never filled has no tables yet.
    with ledger_connection(home.ledger, read_only=True) as connection, suppress(duckdb.CatalogException):
        return dict(connection.execute(_RECORDED).fetchall())
    return {}


_RECORDED = """
    select as_of, status from ledger.run
    union all
    select distinct as_of, 'published' from ledger.event where as_of not in (select as_of from ledger.run)
"""


def clock_notices(connection: duckdb.DuckDBPyConnection, now: datetime) -> list[str]:
    """Say where the last as-of lies ahead of the clock, before the next run is recorded."""
    last = last_as_of(connection)
    if last is None or last[0] - now < timedelta(seconds=LEAST_AHEAD_SECONDS):
        return []
    where = f"it says {now}Z, the last as-of is {last[0]}Z"
    return [f"the clock is wrong, or was: {where}; {CATCHING_UP}"]


def _check_given(given: datetime, now: datetime, last: tuple[datetime, str] | None) -> datetime:
    if given - now > A_DAY:
        raise UsageError("the as-of is more than a day ahead", where=str(given), todo="give an earlier --as-of")
    if last is not None and (given < last[0] or (given == last[0] and last[1] == "published")):
        todo = "leave --as-of out" if last[0] - now > A_DAY else "give a later --as-of, or none"
        todo += "; for the past use `newsmart build --as-of`"
        raise UsageError("the as-of must be later than the last run's", where=f"{given}, last {last[0]}", todo=todo)
    return given


def run_id_of(as_of: datetime) -> str:
    """Return the name of the run at an as-of; a retry has the name of the run that it continues."""
    return f"run-{as_of:%Y%m%dT%H%M%S.%fZ}"


def write_run(
    connection: duckdb.DuckDBPyConnection,
    run: tuple[str, datetime, datetime],
    status: str,
    balance: Balance,
    *,
    finished_at: datetime | None = None,
    built: Built | None = None,
) -> None:
    """Write the row of a run (its id, as-of and start; what it published), over that of an earlier attempt."""
    run_id, as_of, started_at = run
    connection.execute("delete from ledger.run where run_id = $1", [run_id])
    made = (built.mention_count, built.article_count, built.release_id) if built else (None, None, None)
    row = [run_id, as_of, started_at, finished_at, status, *balance.as_dict().values(), *made]
    connection.execute(f"insert into ledger.run values ({', '.join('?' * len(row))})", row)


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """A published release as the ledger remembers it."""

    release_id: str
    as_of: datetime
    published_at: datetime
    file: Fingerprint
    fingerprint: str
    change_number: int
    quarantine_digest: str
    versions: Versions
    document_count: int
    article_count: int
    mention_count: int

    def as_record(self) -> dict[str, Any]:
        """What state.json tells of a release; sizes in bytes, times as ISO 8601 in UTC."""
        return {
            "release_id": self.release_id,
            "as_of": self.as_of.isoformat() + "Z",
            "published_at": self.published_at.isoformat() + "Z",
            "sha256": self.file.sha256,
            "bytes": self.file.size,
            "file": asdict(self.file),
            "fingerprint": self.fingerprint,
            "change_number": self.change_number,
            "documents": self.document_count,
            "articles": self.article_count,
            "mentions": self.mention_count,
        }


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its times as ISO 8601 text, as JSON needs them."""
    return {name: value.isoformat() + "Z" if isinstance(value, datetime) else value for name, value in row.items()}


def known_releases(home: Home, connection: duckdb.DuckDBPyConnection) -> list[ReleaseRow]:
    """Return what the ledger knows of the releases that lie there, and of the latest, the latest first."""
    return releases(connection, publish.release_ids(home))


def current_release(home: Home, rows: Iterable[ReleaseRow]) -> ReleaseRow | None:
    """Return the one of these releases that readers see, None where they see none of them."""
    current = publish.current(home)
    return next((row for row in rows if row.release_id == current), None)


def sound_releases(
    home: Home, connection: duckdb.DuckDBPyConnection, rows: Iterable[ReleaseRow], count: int
) -> list[ReleaseRow]:
    """Return the first few of these releases that lie there as they were published."""
    there = set(publish.release_ids(home))
    recognised = (recognise(connection, home, row) for row in rows if row.release_id in there)
    return list(islice(filter(None, recognised), count))


def releases(connection: duckdb.DuckDBPyConnection, among: Collection[str] | None = None) -> list[ReleaseRow]:
    """Return the releases ever published, the latest first; by as-of, as a clock may have gone backwards.

    `among` leaves only these, and the latest: after years there are many, and few of them still lie there.
    """
    sql = f"select {_RELEASE} from ledger.release where {_AMONG} order by as_of desc, published_at desc"
    rows = connection.execute(sql, [None if among is None else list(among)]).fetchall()
    return [_release_row(row) for row in rows]


_AMONG = """
    ($1::varchar[] is null or list_contains($1::varchar[], release_id))
    or release_id = (select arg_max(release_id, {'as_of': as_of, 'at': published_at}) from ledger.release)
"""


_RELEASE = (
    "release_id, as_of, published_at, sha256, size, mtime_ns, ctime_ns, inode, fingerprint, change_number, "
    "quarantine_digest, contract_version, policy_version, rules_version, document_count, article_count, mention_count"
)


def _release_row(row: tuple[Any, ...]) -> ReleaseRow:
    versions = Versions(policy=row[12], rules=row[13], contract=row[11])
    return ReleaseRow(row[0], row[1], row[2], Fingerprint(*row[3:8]), row[8], row[9], row[10], versions, *row[14:17])


def recognise(connection: duckdb.DuckDBPyConnection, home: Home, row: ReleaseRow) -> ReleaseRow | None:
    """Return the row of a release whose file is still the one that was published, else None.

    A copied or restored file has other times and another inode, so its bytes are read; the new numbers are noted, or
    each later run would read them again.
    """
    file = home.release_file(row.release_id)
    # They may have been noted since the row was read.
    sql = "select sha256, size, mtime_ns, ctime_ns, inode from ledger.release where release_id = $1"
    known = next((Fingerprint(*noted) for noted in connection.execute(sql, [row.release_id]).fetchall()), row.file)
    if not publish.is_untouched(file, known):
        return None
    numbers = file_state(file.stat())
    if numbers != (known.size, known.mtime_ns, known.ctime_ns, known.inode):
        sql = "update ledger.release set mtime_ns = $1, ctime_ns = $2, inode = $3 where release_id = $4"
        connection.execute(sql, [*numbers[1:], row.release_id])
    return replace(row, file=Fingerprint(row.file.sha256, *numbers))


def write_release(
    connection: duckdb.DuckDBPyConnection, built: Built, file: Fingerprint, published_at: datetime
) -> ReleaseRow:
    """Note a published release, and what it was built from; return its row."""
    row = [
        *(built.release_id, built.as_of, published_at),
        *(file.sha256, file.size, file.mtime_ns, file.ctime_ns, file.inode, built.fingerprint),
        *(change_number(connection), quarantine_digest(connection)),
        *(built.versions.contract, built.versions.policy, built.versions.rules),
        *(built.document_count, built.article_count, built.mention_count),
    ]
    connection.execute(f"insert into ledger.release ({_RELEASE}) values ({', '.join('?' * len(row))})", row)
    return _release_row(tuple(row))


_OPEN = """
    select document.source, document.path, problem.* exclude (document_id, position, scope, cleared_at)
    from ledger.problem as problem
    inner join ledger.document as document on document.document_id = problem.document_id
    where problem.cleared_at is null and (problem.scope = 'notice') = $is_notice
    order by document.source, document.path, problem.line nulls first, problem."column", problem.field, problem.reason,
        problem.found
"""


def quarantine(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the open problems, the fields of ops.quarantine each, by source, path and place."""
    return fetch_records(connection, _OPEN, {"is_notice": False})


def notices(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the open notices about single documents, the fields of ops.notice each, by source, path and place."""
    return fetch_records(connection, _OPEN, {"is_notice": True})


def drift(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the fields that the rules do not know, the fields of ops.drift each."""
    return fetch_records(connection, "select * from ledger.drift order by field")


def quarantine_digest(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a hash of the open problems and notices; when each was last seen does not count."""
    told = (*quarantine(connection), *notices(connection))
    rows = [{key: row[key] for key in row if key != "last_seen_at"} for row in told]
    return sha256(repr(rows).encode("utf-8", "backslashreplace")).hexdigest()


def fill_ops(connection: duckdb.DuckDBPyConnection, keep_runs: int, until: datetime) -> None:
    """Fill ops.run (the latest `keep_runs` up to an as-of), ops.quarantine and ops.drift of the release `news`.

    To ops.notice, which tells already what documents are together, what each is by itself is added.
    """
    connection.execute(
        "insert into news.ops.run by name select * from ledger.run where as_of <= $1 order by as_of desc limit $2",
        [until, keep_runs],
    )
    connection.execute(f"insert into news.ops.quarantine by name {_OPEN}", {"is_notice": False})
    connection.execute(f"insert into news.ops.notice by name {_OPEN}", {"is_notice": True})
    connection.execute("insert into news.ops.drift by name select * from ledger.drift")


def count_changes(connection: duckdb.DuckDBPyConnection, before: ReleaseRow | None) -> Mapping[str, int]:
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


def shrink(connection: duckdb.DuckDBPyConnection, shown_as_of: datetime, as_of: datetime) -> tuple[int, int]:
    """Return how many documents the release as of `shown_as_of` shows, and how many of them are gone as of `as_of`."""
    row = connection.execute(_SHRINK, {"shown_as_of": shown_as_of, "as_of": as_of}).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


_SHRINK = """
    with states as (
        select
            document_id,
            arg_max(coalesce(content_id, -1), as_of) filter (where as_of <= $shown_as_of) as shown,
            arg_max(coalesce(content_id, -1), as_of) filter (where as_of <= $as_of) as now
        from ledger.event
        group by document_id
    )
    select count(*) filter (where shown <> -1), count(*) filter (where shown <> -1 and now = -1)
    from states
"""


def finish_ops_run(connection: duckdb.DuckDBPyConnection, run_id: str, built: Built) -> None:
    """Complete this run's row in the release that it makes: the row is written before the run is over."""
    connection.execute(
        "update news.ops.run set status = 'published', finished_at = $1, mentions = $2, articles = $3, release_id = $4 "
        "where run_id = $5",
        [built.built_at, built.mention_count, built.article_count, built.release_id, run_id],
    )
