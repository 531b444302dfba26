"""Finishing a takedown: what comes after its tombstones and deletions are committed, and can be cut off.

The release that readers see is built anew, all others go, and the ledger is copied into a file without the deleted
rows. Until that is done the ledger's `meta` holds a mark, set in the transaction of the tombstones, so that whoever
opens the ledger next, a run or another takedown, finishes the work; state.json tells it to those who open nothing.
Rejected: one transaction around all of it, as the link and the files of releases have none.
"""

from datetime import datetime
from secrets import token_hex

import duckdb

from flows.clock import as_text, utc_now
from flows.pipeline.state import state_before
from schemas.errors import NewsmartError, RunFailed
from warehouse.db import explain
from warehouse.home import Home
from warehouse.ledger.opening import set_meta, transaction
from warehouse.ledger.tombstones import UNFINISHED, note_takedown
from warehouse.release import changes, differing, publish, runs
from warehouse.release.base import note_build
from warehouse.release.build import Versions
from warehouse.release.rebuild import build_audited
from warehouse.release.standing import ledger_record
from warehouse.release.told import pin_of
from warehouse.state import State, write_state
from warehouse.upkeep.maintain import compact


def announce(home: Home, now: datetime) -> None:
    """Tell in state.json that a takedown has begun; a pin that does not hold goes. Raises RunFailed."""
    before = state_before(home)
    write_state(home, State(**{**before, "pin": pin_of(home, before), "takedown": as_text(now)}))


def mark(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Note in the ledger that a takedown has to be finished; the caller opens the transaction, the tombstones' own."""
    set_meta(connection, UNFINISHED, str(as_text(now)))
    note_takedown(connection)


def finish(home: Home, connection: duckdb.DuckDBPyConnection, versions: Versions) -> tuple[list[str], int]:
    """Replace the release by one without what was taken down, remove all others, and compact the ledger.

    Out: the ids of the releases removed, the ledger's size in bytes. The caller holds the lock and closes the
    connection right after. Raises RunFailed where it cannot be finished now; the mark stays then.
    """
    try:
        differing.empty(home)
        publish.clean(home)  # a build that was killed may have left the text, too
        removed = _republish(home, connection, versions)
        size = compact(connection, home, forget=UNFINISHED)
    except duckdb.InterruptException:
        raise
    except (NewsmartError, OSError, duckdb.Error) as error:
        told = explain(error, home.ledger, is_ledger=True) if isinstance(error, duckdb.Error) else None
        raise RunFailed(
            "a takedown is recorded but not finished: older releases or free blocks may still hold the text",
            where=" ".join(str(told or error).split())[:500],
            todo="mend that; the next `newsmart run` or the same purge finishes it",
        ) from error
    retell(home, connection, takedown=None)
    return removed, size


def _republish(home: Home, connection: duckdb.DuckDBPyConnection, versions: Versions) -> list[str]:
    """Put a release without what was purged in the place of the current one, and remove all others.

    It is as of the same time, and pinned where that one was.
    """
    pin = pin_of(home, state_before(home))
    shown = _shown(home, connection, pin)
    if shown is None:
        return []
    release_id = publish_as_of(home, connection, shown.as_of, versions)
    removed = publish.prune(home, [release_id])
    left = sorted(path.name for path in home.releases.iterdir() if path.is_dir() and path.name != release_id)
    if left:
        raise RunFailed("releases could not be removed", where=f"{home.releases}: {', '.join(left)}")
    with transaction(connection):
        for table in ("release", "release_build", "release_table"):
            connection.execute(f"delete from ledger.{table} where release_id <> $1", [release_id])
    retell(home, connection, pin=None if pin is None else release_id, takedown=state_before(home).get("takedown"))
    return removed


def _shown(home: Home, connection: duckdb.DuckDBPyConnection, pin: str | None) -> runs.ReleaseRow | None:
    """Return the release to replace: the current one, else the pinned one (a cut-off takedown moved the link)."""
    rows = {row.release_id: row for row in runs.releases(connection)}
    wanted = [publish.current(home), pin, next(iter(rows), None)]
    return next((rows[name] for name in wanted if name in rows), None)


def publish_as_of(home: Home, connection: duckdb.DuckDBPyConnection, as_of: datetime, versions: Versions) -> str:
    """Build, audit and publish a release as of a time that was released before; return its id."""
    release_id = f"{as_of:%Y%m%dT%H%M%S.%f}Z-p{token_hex(3)}"
    file = publish.stage(home, release_id)
    built = build_audited(connection, as_of, file, versions, release_id, changes.TAKEDOWN)
    sealed = publish.publish(home, release_id)
    now = utc_now()
    with transaction(connection):
        runs.write_release(connection, built, sealed, versions, now)
        note_build(connection, built, sealed.size, now)
    return release_id


def retell(
    home: Home, connection: duckdb.DuckDBPyConnection, *, pin: str | None = None, takedown: str | None = None
) -> None:
    """Bring state.json up to date with the ledger's change, the releases and the quarantine; `pin` None keeps one."""
    state = state_before(home)
    state["pin"] = pin or pin_of(home, state)
    state["ledger"] = ledger_record(connection)
    current = publish.current(home)
    known = runs.releases(connection, publish.release_ids(home))
    kept = [row for row in known if home.release_file(row.release_id).is_file()]
    state["releases"] = [row.as_record() for row in kept]
    state["release"] = next((row.as_record() for row in kept if row.release_id == current), None)
    state["quarantine"] = [runs.plain(row) for row in runs.quarantine(connection)]
    state["drift"] = [runs.plain(row) for row in runs.drift(connection)]
    state["takedown"] = takedown
    write_state(home, state)
