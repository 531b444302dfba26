"""How the release that readers see stands to the ledger: up to date, behind it, or held back by a rollback's pin.

A run asks this to know whether there is anything to publish, and notes the ledger's last change in state.json, so that
`status` and `doctor` can compare without the ledger. The change number alone does not answer it: a takedown builds a
release as of an earlier time at the newest change. So a release is up to date only if its as-of is not before the last
event either.

A pin ends when a run records an event after it, or is told --full-refresh. A takedown changes events and adds none, so
the pin stays with the release that a takedown puts in the pinned one's place.
"""

from collections.abc import Sequence
from datetime import datetime

import duckdb

from warehouse.clock import as_plain, as_text
from warehouse.home import Home
from warehouse.ledger.opening import change_number, event_change
from warehouse.release import build, ops, releases
from warehouse.release.freshness import pin_of
from warehouse.state import State

FULL_REFRESH = "told --full-refresh"


def last_event_at(connection: duckdb.DuckDBPyConnection) -> datetime | None:
    """Return the as-of of the ledger's last event, None where there is none."""
    ((last,),) = connection.execute("select max(as_of) from ledger.event").fetchall()
    moment: datetime | None = last
    return moment


def ledger_state(
    home: Home, connection: duckdb.DuckDBPyConnection, known: Sequence[releases.ReleaseRow], before: State
) -> State:
    """Return what state.json told before, brought up to date with the ledger and with the releases that are known."""
    current = releases.current_release(home, known)
    return State(
        **{
            **before,
            "quarantine": as_plain(ops.quarantine(connection)),
            "drift": as_plain(ops.drift(connection)),
            "release": None if current is None else current.as_record(),
            "releases": [row.as_record() for row in known],
            "ledger": {
                "change_number": change_number(connection),
                "last_event_at": as_text(last_event_at(connection)),
            },
            "pin": pin_of(home, before),
        }
    )


def is_behind(connection: duckdb.DuckDBPyConnection, shown: releases.ReleaseRow) -> bool:
    """Tell whether the ledger has changed since a release was built, or has events after the release's as-of."""
    last = last_event_at(connection)
    return shown.change_number != change_number(connection) or (last is not None and shown.as_of < last)


def why_build(
    home: Home,
    connection: duckdb.DuckDBPyConnection,
    state: State,
    known: Sequence[releases.ReleaseRow],
    *,
    full_refresh: bool,
) -> str | None:
    """Return why a release has to be built now, in a few words; None where there is nothing to publish.

    In: the releases that the ledger knows, the latest first.
    """
    shown = releases.current_release(home, known)
    if shown is None:
        return "readers see no release that the ledger knows"
    if releases.recognise(connection, home, shown) is None:
        return "the release is not as it was published"
    if pin_of(home, state) is not None:
        return _why_unpin(connection, state, known[0], full_refresh=full_refresh)
    if shown.versions != build.VERSIONS:
        return "the rules are other than before"
    if is_behind(connection, shown):
        return "something new is recorded"
    return "the quarantine changed" if shown.quarantine_digest != ops.quarantine_digest(connection) else None


def _why_unpin(
    connection: duckdb.DuckDBPyConnection, state: State, latest: releases.ReleaseRow, *, full_refresh: bool
) -> str | None:
    """Return why a pin ends now. Where an older newsmart pinned, the latest release tells what was known then."""
    if full_refresh:
        return FULL_REFRESH
    pinned_at = state.get("pinned_at_change")
    known_then = latest.change_number if pinned_at is None else pinned_at
    return "something new is recorded" if event_change(connection) > known_then else None
