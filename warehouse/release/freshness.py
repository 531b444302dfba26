"""What state.json tells of the release that readers see: which it is, whether it is pinned, behind, or tampered with.

A reader of a tampered release can be told by the doctor and is helped by the next run; whoever gets an export of it has
neither, so exports ask here. Needs neither the ledger nor DuckDB's tables, so that `status` and `doctor` answer at
once, whatever else is broken.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from schemas.errors import NewsmartError, RunFailed
from warehouse.home import Home
from warehouse.release import publish
from warehouse.release.publish import Fingerprint
from warehouse.state import Record, State, read_state

WAY_OUT = "`newsmart run` replaces it"
PINNED = (
    "readers are shown the release of a rollback until something new is found; "
    "`newsmart run --full-refresh` ends that now"
)
# A run that follows another within a second may be as of a second ahead.
LEAST_AHEAD_SECONDS = 2.0
CATCHING_UP = "each run takes the as-of before plus one second until time has caught up"
BEHIND = "the ledger has something newer than the release that readers see; `newsmart run` publishes it"


def pin_of(home: Home, state: State) -> str | None:
    """Return the release that a rollback has pinned, None where no pin holds: the link has to show it.

    While a takedown is unfinished the link may show the pinned release or the one in its place: then any pin counts.
    Where a second rollback was cut off before it moved the link, the first one's pin still holds.
    """
    pin, shown = state.get("pin"), home.linked_release()
    if shown is not None and shown == state.get("former_pin"):
        return shown
    return pin if state.get("takedown") or pin == shown else None


def shown_record(home: Home, state: State) -> Record | None:
    """Return what state.json tells of the release that the link shows, None where it does not know it."""
    current = publish.current(home)
    rows = [state.get("release"), *state.get("releases", [])]
    return next((row for row in rows if row is not None and row["release_id"] == current), None)


def is_reported_behind(state: State, release: Mapping[str, Any] | None) -> bool:
    """Tell from state.json alone whether the ledger has something newer. False where an older newsmart wrote it."""
    ledger = state.get("ledger", {})
    if not release or not ledger or "change_number" not in release:
        return False
    last = ledger["last_event_at"]
    is_older = last is not None and datetime.fromisoformat(release["as_of"]) < datetime.fromisoformat(last)
    return is_older or release["change_number"] != ledger["change_number"]


def recorded(home: Home) -> dict[str, Fingerprint] | None:
    """Return what state.json says of the releases' files, by release id; None where it cannot be read."""
    try:
        state = read_state(home)
    except NewsmartError:
        return None
    rows = [] if state is None else state.get("releases", [])
    return {str(row["release_id"]): Fingerprint(**row["file"]) for row in rows if "file" in row}


def check_current(home: Home) -> None:
    """Raise RunFailed where FILE shows a release whose bytes are not those recorded; one without a record passes."""
    release_id = publish.current(home)
    file = None if release_id is None else (recorded(home) or {}).get(release_id)
    if release_id is not None and file is not None:
        path = home.release_file(release_id)
        if not publish.is_untouched(path, file):
            raise RunFailed("the release is not as it was published", where=str(path), todo=WAY_OUT)
