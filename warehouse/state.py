"""state.json: what the last run left, for those who must wait for nobody.

`status`, `quarantine` and `drift` must answer while a run holds the ledger, after a run that published nothing, and
before the first release. So every run writes this small file, whole, by rename: a reader sees the old or the new one,
never a part. Rejected: tables in the ledger (locked while a run lasts) or in the release (stale after a refusal).
"""

import json
from pathlib import Path
from typing import Any, TypedDict

from schemas.errors import RunFailed
from warehouse.durable import write_atomically
from warehouse.home import Home

VERSION = 1
MAX_BYTES = 500_000_000

# Values of JSON: what a run tells is its own matter, this module only keeps it.
Record = dict[str, Any]


class State(TypedDict, total=False):
    """What state.json holds. Every key may be missing in a file that an older newsmart wrote."""

    version: int
    run: Record
    balance: Record
    balance_run_id: str | None
    quarantine: list[Record]
    drift: list[Record]
    release: Record | None
    releases: list[Record]
    pin: str | None
    last_event: Record | None
    takedown: str | None


def read_state(home: Home) -> State | None:
    """Return the last state, or None when there is none. Raises RunFailed when the file is there and makes no sense.

    Takes no lock.
    """
    try:
        with home.state.open("rb") as file:
            told = json.loads(file.read(MAX_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise RunFailed("cannot read the warehouse's state", where=f"{home.state}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(home.state, str(error)) from error
    return _checked(told, home.state)


def _checked(told: object, path: Path) -> State:
    if not isinstance(told, dict):
        raise _damaged(path, "not an object")
    version = told.get("version")
    if not isinstance(version, int):
        raise _damaged(path, "it has no version")
    if version > VERSION:
        raise RunFailed("the warehouse's state is of a newer newsmart", where=str(path), todo="upgrade newsmart")
    shapes: dict[str, type | tuple[type, ...]] = {"run": dict, "balance": dict, "quarantine": list, "drift": list}
    wrong = [name for name, shape in shapes.items() if name in told and not isinstance(told[name], shape)]
    if wrong:
        raise _damaged(path, f"{wrong[0]} is not as it should be")
    state: State = told  # type: ignore[assignment]  # the shapes that matter are checked above
    return state


def _damaged(path: Path, why: str) -> RunFailed:
    return RunFailed("the warehouse's state is damaged", where=f"{path}: {why}", todo="the next run writes it anew")


def write_state(home: Home, state: State) -> None:
    """Replace state.json by this state, whole or not at all; `version` is set here. The caller holds the lock.

    Raises RunFailed when it cannot be written (the old one then stays), ValueError for what JSON cannot hold.
    """
    text = json.dumps({**state, "version": VERSION}, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    try:
        write_atomically(home.state, text.encode("utf-8", "backslashreplace") + b"\n")
    except OSError as error:
        raise RunFailed("cannot write the warehouse's state", where=f"{home.state}: {error.strerror}") from error
