"""Work on the ledger beside runs: a release as of any time, verification, compaction, going back a release.

Each takes the warehouse's lock, as a run does, and returns what it did.
"""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from schemas.errors import RunFailed, UsageError
from warehouse.clock import as_text, utc_now
from warehouse.home import Home
from warehouse.ledger.locked import locked_ledger
from warehouse.ledger.opening import event_change, last_as_of, note_event_change
from warehouse.ledger.tombstones import is_before_takedown, is_unfinished
from warehouse.release import differing, publish, releases, runs, why_build
from warehouse.release.base import distrust
from warehouse.release.build import Built
from warehouse.release.freshness import pin_of
from warehouse.release.rebuild import build_to, compare_release
from warehouse.run_state import state_before
from warehouse.state import State, write_state
from warehouse.upkeep.maintain import compact, prune_ledger
from warehouse.upkeep.takedown import update_state


def build_as_of(warehouse: Path, as_of: datetime, target: Path, memory: str = "") -> Built:
    """Build a release as of a time into a new file. Raises UsageError where the time lies ahead or the file exists."""
    if as_of > utc_now() + runs.A_DAY:
        raise UsageError("the as-of is more than a day ahead", where=str(as_of))
    with locked_ledger(warehouse, memory) as (home, connection):
        home.check_outside(target)
        return build_to(connection, home, as_of, target.absolute())


def verify(warehouse: Path, memory: str = "") -> dict[str, Any]:
    """Build the current release again, from scratch, and compare. Returns the tables, and those that differ.

    Says too whether the ledger has something newer than the release, and whether a rollback has pinned it.
    """
    with locked_ledger(warehouse, memory) as (home, connection):
        row = releases.current_release(home, releases.known_releases(home, connection))
        if row is None:
            todo = "run `newsmart run` first"
            raise RunFailed("the ledger knows no current release", where=str(home.file), todo=todo)
        rebuilt, differences = compare_release(connection, home, row.release_id, row.as_of)
        if differences:
            distrust(connection, row.release_id)
        else:
            differing.forget(home)
        sha256 = publish.fingerprint_file(home.release_file(row.release_id)).sha256
        is_pinned, is_behind = pin_of(home, state_before(home)) is not None, why_build.is_behind(connection, row)
        last = last_as_of(connection)
    return {
        "release_id": row.release_id,
        "as_of": as_text(row.as_of),
        "is_equal": not differences,
        "is_file_untouched": sha256 == row.file.sha256,
        "is_pinned": is_pinned,
        "is_behind": is_behind,
        "last_run": None if last is None else last[1],
        "tables": [asdict(table) for table in rebuilt],
        "differences": differences,
    }


def maintain(warehouse: Path, memory: str = "", *, keep_releases: int = 3, **keeps: int) -> dict[str, Any]:
    """Drop what is past its keep, compact the ledger, remove releases that are not kept. Returns what was done.

    In: how many releases are kept, and what `prune_ledger` takes.
    """
    with locked_ledger(warehouse, memory) as (home, connection):
        before = home.ledger.stat().st_size
        differing.empty(home)
        pruned = prune_ledger(connection, utc_now(), **keeps)
        sound = releases.sound_releases(home, connection, releases.known_releases(home, connection), keep_releases)
        removed = publish.prune(home, [row.release_id for row in sound])
        after = compact(connection, home)
    return {**pruned, "releases_removed": removed, "ledger_bytes_before": before, "ledger_bytes": after}


def rollback(warehouse: Path, memory: str = "") -> str:
    """Let FILE show the release before the current one, and pin it. Returns its id.

    A release whose bytes are not those that were published is never a target, nor is one from before a takedown, as it
    shows what was taken down. Raises RunFailed where none is left, or while a takedown is not finished.
    """
    with locked_ledger(warehouse, memory) as (home, connection):
        if is_unfinished(connection):
            raise RunFailed("a takedown is not finished", where=str(home.file), todo="`newsmart run` finishes it")
        rows = releases.known_releases(home, connection)
        current = publish.current(home)
        ids = [row.release_id for row in rows]
        older = rows[ids.index(current) + 1 :] if current in ids else rows
        for row in older:
            if is_before_takedown(connection, row.published_at, row.change_number):
                continue
            file = home.release_file(row.release_id)
            if file.is_file() and publish.fingerprint_file(file).sha256 == row.file.sha256:
                _pin(home, connection, row.release_id)
                publish.flip(home, row.release_id)
                update_state(home, connection, pin=row.release_id)
                return row.release_id
    raise RunFailed("there is no sound release to go back to", where=str(home.releases))


def _pin(home: Home, connection: duckdb.DuckDBPyConnection, release_id: str) -> None:
    """Note the pin, and what was recorded till now, before the link moves.

    A pin counts only while its release is shown, and the one before stays noted, so a crash in between leaves things
    as they were.
    """
    recorded = event_change(connection)
    note_event_change(connection, recorded)  # an older ledger has no such note
    before = state_before(home)
    former = pin_of(home, before)
    write_state(home, State(**{**before, "pin": release_id, "former_pin": former, "pinned_at_change": recorded}))
