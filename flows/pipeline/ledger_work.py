"""Work on the ledger beside runs: a release as of any time, verification, takedowns, compaction, going back.

Each takes the warehouse's lock, as a run does, and says plainly what it did.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from flows.clock import as_text, utc_now
from flows.pipeline import takedown
from flows.pipeline.begin import VERSIONS
from flows.pipeline.memory import memory_for
from flows.pipeline.outcome import kept_releases, known_releases
from flows.pipeline.state import state_before
from flows.settings import Settings
from schemas.errors import RunFailed, UsageError
from schemas.urls import url_key
from warehouse.db import Limits, limit_memory
from warehouse.home import Home
from warehouse.ledger.opening import (
    count_documents,
    event_change,
    last_as_of,
    note_event_change,
    open_ledger,
    transaction,
)
from warehouse.ledger.purge import Purged, find_documents, purge_article, purge_documents
from warehouse.ledger.tombstones import URL, has_tombstone, is_unfinished, may_show_what_was_taken_down
from warehouse.lock import hold
from warehouse.release import differing, publish, runs, standing
from warehouse.release.build import Built, lay_out
from warehouse.release.rebuild import build_to, compare_release
from warehouse.release.told import pin_of
from warehouse.state import State, write_state
from warehouse.upkeep.maintain import Kept, compact, prune_ledger


@contextmanager
def _ledger(warehouse: Path, settings: Settings) -> Iterator[tuple[Home, duckdb.DuckDBPyConnection]]:
    home = Home.of(warehouse)
    home.check()
    if not home.ledger.is_file():
        raise RunFailed("there is no warehouse yet", where=str(home.file), todo="run `newsmart run` first")
    with hold(home), open_ledger(home, limits=Limits(memory=memory_for(0, settings.build_memory))) as connection:
        limit_memory(connection, memory_for(count_documents(connection), settings.build_memory))
        yield home, connection


def build_as_of(warehouse: Path, as_of: datetime, target: Path, settings: Settings) -> Built:
    """Build a release as of a time into a new file. Raises UsageError where the time lies ahead or the file exists."""
    if as_of > utc_now() + runs.A_DAY:
        raise UsageError("the as-of is more than a day ahead", where=str(as_of))
    with _ledger(warehouse, settings) as (_, connection):
        return build_to(connection, as_of, target.absolute(), VERSIONS)


def verify(warehouse: Path, settings: Settings) -> dict[str, Any]:
    """Build the current release again, from scratch, and compare. Out: the tables, and those that differ.

    Says too whether the ledger has something newer than the release, and whether a rollback has pinned it.
    """
    with _ledger(warehouse, settings) as (home, connection):
        row = _current(home, connection)
        rebuilt, differences = compare_release(connection, home, row.release_id, row.as_of, VERSIONS)
        sha256 = publish.fingerprint_file(home.release_file(row.release_id)).sha256
        if not differences:
            differing.forget(home)
        is_pinned, is_behind = pin_of(home, state_before(home)) is not None, standing.is_behind(connection, row)
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
        "differences": [asdict(difference) for difference in differences],
    }


def _current(home: Home, connection: duckdb.DuckDBPyConnection) -> runs.ReleaseRow:
    current = publish.current(home)
    row = next((row for row in known_releases(home, connection) if row.release_id == current), None)
    if row is None:
        raise RunFailed("the ledger knows no current release", where=str(home.file), todo="run `newsmart run` first")
    return row


def purge(warehouse: Path, settings: Settings, *, path: str | None, url: str | None) -> dict[str, Any]:
    """Take a document or an article down for good: from ledger, bytes and releases. Out: what was done.

    What can be checked is checked before anything is changed. Raises UsageError where there is no such thing, RunFailed
    where it cannot be finished now: then the next run goes on with it.
    """
    with _ledger(warehouse, settings) as (home, connection):
        publish.check_no_stray_wal(home)
        done = _take_down(home, connection, path, url)
        removed, size = takedown.finish(home, connection, VERSIONS)
        aside = sorted(str(file) for file in home.folder.glob(f"{home.ledger.stem}.*{home.ledger.suffix}"))
        is_pinned = pin_of(home, state_before(home)) is not None
    did = {"releases_removed": removed, "ledger_bytes": size, "still_held_by": aside, "is_pinned": is_pinned}
    return {**asdict(done), **did}


def _take_down(home: Home, connection: duckdb.DuckDBPyConnection, path: str | None, url: str | None) -> Purged:
    documents = [] if path is None else find_documents(connection, path)
    keys = [] if url is None else _keys_of_article(connection, url)
    now = utc_now()
    takedown.announce(home, now)
    with transaction(connection):
        takedown.mark(connection, now)
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
    owned = connection.execute(_KEYS_OF_ARTICLE, [key]).fetchall()
    if not owned and not has_tombstone(connection, URL, [key]):
        raise UsageError("no article has this URL", where=url, todo="see article_url")
    return [str(row[0]) for row in owned]


_KEYS_OF_ARTICLE = """
    select url_key
    from work.key_owner
    where article_key = (select article_key from work.key_owner where url_key = $1)
"""


def maintain(warehouse: Path, settings: Settings) -> dict[str, Any]:
    """Drop what is past its keep, compact the ledger, remove releases that are not kept. Out: what was done."""
    kept = Kept(settings.keep_runs, settings.keep_quarantine_days, settings.keep_raw_days)
    with _ledger(warehouse, settings) as (home, connection):
        before = home.ledger.stat().st_size
        differing.empty(home)
        pruned = prune_ledger(connection, kept, utc_now())
        keep = [row.release_id for row in kept_releases(home, connection, settings.keep_releases)]
        removed = publish.prune(home, keep)
        after = compact(connection, home)
    return {**asdict(pruned), "releases_removed": removed, "ledger_bytes_before": before, "ledger_bytes": after}


def rollback(warehouse: Path, settings: Settings) -> str:
    """Let FILE show the release before the current one, and pin it. Out: its id.

    A release whose bytes are not those that were published is never a target, nor is one from before a takedown, as it
    shows what was taken down. Raises RunFailed where none is left, or while a takedown is not finished.
    """
    with _ledger(warehouse, settings) as (home, connection):
        if is_unfinished(connection):
            raise RunFailed("a takedown is not finished", where=str(home.file), todo="`newsmart run` finishes it")
        rows = known_releases(home, connection)
        current = publish.current(home)
        ids = [row.release_id for row in rows]
        older = rows[ids.index(current) + 1 :] if current in ids else rows
        for row in older:
            if may_show_what_was_taken_down(connection, row.published_at, row.change_number):
                continue
            file = home.release_file(row.release_id)
            if file.is_file() and publish.fingerprint_file(file).sha256 == row.file.sha256:
                _pin(home, connection, row.release_id)
                publish.flip(home, row.release_id)
                takedown.retell(home, connection, pin=row.release_id)
                return row.release_id
    raise RunFailed("there is no sound release to go back to", where=str(home.releases))


def _pin(home: Home, connection: duckdb.DuckDBPyConnection, release_id: str) -> None:
    """Note the pin, and what was recorded till now, before the link moves.

    A pin counts only while its release is shown, so a crash in between leaves things as they were.
    """
    recorded = event_change(connection)
    note_event_change(connection, recorded)  # an older ledger has no such note
    write_state(home, State(**{**state_before(home), "pin": release_id, "pinned_at_change": recorded}))
