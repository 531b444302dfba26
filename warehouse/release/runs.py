"""What the ledger knows of runs: their rows, and the as-of that the next one gets."""

from contextlib import suppress
from datetime import datetime, timedelta

import duckdb

from schemas.errors import UsageError
from warehouse.db import ledger_connection
from warehouse.home import Home
from warehouse.ledger.opening import last_as_of
from warehouse.ledger.record import Balance
from warehouse.release.build import Built
from warehouse.release.freshness import CATCHING_UP, LEAST_AHEAD_SECONDS
from warehouse.sql_files import read_sql

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
        return dict(connection.execute(read_sql("ledger", "recorded_runs")).fetchall())
    return {}


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


def shrink(connection: duckdb.DuckDBPyConnection, shown_as_of: datetime, as_of: datetime) -> tuple[int, int]:
    """Return how many documents the release as of `shown_as_of` shows, and how many of them are gone as of `as_of`."""
    row = connection.execute(read_sql("ledger", "shrink"), {"shown_as_of": shown_as_of, "as_of": as_of}).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))
