"""Taking a document or an article down for good: from the ledger, the kept bytes and every release.

Tombstones and deletions are one transaction. What comes after it can be cut off: the release that readers see is built
anew, all others go, and the ledger is copied into a file without the deleted rows. Until that is done the ledger's
`meta` holds a mark, so that whoever opens the ledger next, a run or another takedown, finishes the work; state.json
says so to those who open nothing. Rejected: one transaction around all of it, as the link and the files have none.
"""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from secrets import token_hex
from typing import Any

import duckdb

from schemas.errors import NewsmartError, RunFailed, UsageError
from schemas.urls import url_key
from warehouse.clock import as_text, utc_now
from warehouse.explain import explain
from warehouse.home import Home
from warehouse.ledger.locked import locked_ledger
from warehouse.ledger.opening import ledger_transaction, set_meta
from warehouse.ledger.purge import Purged, find_documents, purge_article, purge_documents
from warehouse.ledger.tombstones import UNFINISHED, URL, has_tombstone, note_takedown
from warehouse.release import changes, differing, publish, releases
from warehouse.release.base import note_build
from warehouse.release.freshness import pin_of
from warehouse.release.rebuild import build_audited
from warehouse.release.why_build import ledger_state
from warehouse.release.work import lay_out
from warehouse.run_state import state_before
from warehouse.sql_files import read_sql
from warehouse.state import State, write_state
from warehouse.upkeep.maintain import compact


def purge(warehouse: Path, memory: str = "", *, path: str | None = None, url: str | None = None) -> dict[str, Any]:
    """Take a document or an article down for good. Returns what was done.

    What can be checked is checked before anything is changed. Raises UsageError where there is no such thing, RunFailed
    where it cannot be finished now: then the next run goes on with it.
    """
    with locked_ledger(warehouse, memory) as (home, connection):
        publish.check_no_stray_wal(home)
        done = _delete(home, connection, path, url)
        removed, size = finish(home, connection)
        aside = sorted(str(file) for file in home.folder.glob(f"{home.ledger.stem}.*{home.ledger.suffix}"))
        is_pinned = pin_of(home, state_before(home)) is not None
    did = {"releases_removed": removed, "ledger_bytes": size, "still_held_by": aside, "is_pinned": is_pinned}
    return {**asdict(done), **did}


def _delete(home: Home, connection: duckdb.DuckDBPyConnection, path: str | None, url: str | None) -> Purged:
    """Delete from the ledger and set the tombstones, with the mark that the takedown is unfinished."""
    documents = [] if path is None else find_documents(connection, path)
    keys = [] if url is None else _keys_of_article(connection, url)
    now = utc_now()
    before = state_before(home)
    write_state(home, State(**{**before, "pin": pin_of(home, before), "takedown": as_text(now)}))
    with ledger_transaction(connection):
        set_meta(connection, UNFINISHED, str(as_text(now)))
        note_takedown(connection)
        if path is not None:
            return purge_documents(connection, documents, now)
        return purge_article(connection, keys, now)


def _keys_of_article(connection: duckdb.DuckDBPyConnection, url: str) -> list[str]:
    """Return every url_key of the article that owns a URL, none where it was taken down before.

    Leaves the scratch tables for purge_article.
    """
    key = url_key(url)
    if key is None:
        raise UsageError("not a URL", where=url)
    lay_out(connection, datetime.max)
    owned = connection.execute(read_sql("ledger", "keys_of_article"), {"url_key": key}).fetchall()
    if not owned and not has_tombstone(connection, URL, [key]):
        raise UsageError("no article has this URL", where=url, todo="see article_url")
    return [str(row[0]) for row in owned]


def finish(home: Home, connection: duckdb.DuckDBPyConnection) -> tuple[list[str], int]:
    """Replace the release by one without what was taken down, remove all others, and compact the ledger.

    Returns the ids of the releases removed, and the ledger's size in bytes. The caller holds the lock and closes the
    connection right after. Raises RunFailed where it cannot be finished now; the mark stays then.
    """
    try:
        differing.empty(home)
        publish.clean(home)  # a build that was killed may have left the text, too
        removed = _republish(home, connection)
        size = compact(connection, home, forget=UNFINISHED)
    except duckdb.InterruptException:
        raise
    except (NewsmartError, OSError, duckdb.Error) as error:
        ours = explain(error, home.ledger, is_ledger=True) if isinstance(error, duckdb.Error) else None
        raise RunFailed(
            "a takedown is recorded but not finished: older releases or free blocks may still hold the text",
            where=" ".join(str(ours or error).split())[:500],
            todo="mend that; the next `newsmart run` or the same purge finishes it",
        ) from error
    _forget_what_the_run_said(home)
    update_state(home, connection, takedown=None)
    return removed, size


def _forget_what_the_run_said(home: Home) -> None:
    """Take what the last run told out of state.json: an error, a notice, an audit's example may quote a document."""
    state = state_before(home)
    if (run := state.get("run")) is not None:
        audits = [{**audit, "example": None} for audit in run.get("audits", [])]
        error = run.get("error") and "left out, as something was taken down since"
        write_state(home, State(**{**state, "run": {**run, "error": error, "notices": [], "audits": audits}}))


def _republish(home: Home, connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Put a release without what was purged in the place of the current one, and remove all others.

    It is as of the same time, and pinned where that one was.
    """
    before = state_before(home)
    pin = pin_of(home, before)
    shown = _shown(home, connection, pin)
    if shown is None:
        return []
    release_id = publish_as_of(home, connection, shown.as_of)
    removed = publish.prune(home, [release_id])
    left = sorted(path.name for path in home.releases.iterdir() if path.is_dir() and path.name != release_id)
    if left:
        raise RunFailed("releases could not be removed", where=f"{home.releases}: {', '.join(left)}")
    with ledger_transaction(connection):
        for table in ("release", "release_build", "release_table"):
            connection.execute(f"delete from ledger.{table} where release_id <> $1", [release_id])
    update_state(home, connection, pin=None if pin is None else release_id, takedown=before.get("takedown"))
    return removed


def _shown(home: Home, connection: duckdb.DuckDBPyConnection, pin: str | None) -> releases.ReleaseRow | None:
    """Return the release to replace: the current one, else the pinned one (a cut-off takedown moved the link)."""
    rows = {row.release_id: row for row in releases.all_releases(connection)}
    wanted = [publish.current(home), pin, next(iter(rows), None)]
    return next((rows[name] for name in wanted if name in rows), None)


def publish_as_of(home: Home, connection: duckdb.DuckDBPyConnection, as_of: datetime) -> str:
    """Build, audit and publish a release as of a time that was released before; return its id."""
    release_id = f"{as_of:%Y%m%dT%H%M%S.%f}Z-p{token_hex(3)}"
    file = publish.stage(home, release_id)
    built = build_audited(connection, home, as_of, file, release_id, changes.TAKEDOWN)
    sealed = publish.publish(home, release_id)
    now = utc_now()
    with ledger_transaction(connection):
        releases.write_release(connection, built, sealed, now)
        note_build(connection, built, sealed.size, now)
    return release_id


def update_state(
    home: Home, connection: duckdb.DuckDBPyConnection, *, pin: str | None = None, takedown: str | None = None
) -> None:
    """Bring state.json up to date with the ledger and the releases; `pin` None keeps the one that holds."""
    known = [row for row in releases.known_releases(home, connection) if home.release_file(row.release_id).is_file()]
    state = ledger_state(home, connection, known, state_before(home))
    write_state(home, State(**{**state, "pin": pin or state["pin"], "former_pin": None, "takedown": takedown}))
