"""state.json: what the last run left, for those who must wait for nobody.

`status`, `quarantine` and `drift` must answer while a run holds the ledger, after a run that published nothing, and
before the first release. So every run writes this small file, whole, by rename: a reader sees the old or the new one,
never a part. Rejected: tables in the ledger (locked while a run lasts) or in the release (stale after a refusal).
"""

import json
from pathlib import Path
from secrets import token_hex
from typing import Any, TypedDict

from schemas.errors import RunFailed
from warehouse.durable import NotAFile, open_regular, write_atomically
from warehouse.home import Home
from warehouse.owners import check_owner, file_mode
from warehouse.refusals import refused
from warehouse.state_shape import misfit

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
    ledger: Record
    pin: str | None
    pinned_at_change: int | None
    takedown: str | None


def read_state(home: Home) -> State | None:
    """Return the last state, or None when there is none. Raises RunFailed when the file is there and makes no sense.

    Takes no lock, and waits for nobody who should write into a pipe of that name.
    """
    try:
        told = json.loads(_content(home.state))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise refused("cannot read the warehouse's state", home.state, error) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(home.state, str(error)) from error
    return _checked(told, home.state)


def _content(path: Path) -> bytes:
    """Return the file's bytes. Raises OSError, also for a link, and ValueError where it is no file."""
    try:
        with open(open_regular(path.parent, path.name), "rb") as file:
            return file.read(MAX_BYTES)
    except NotAFile as error:
        raise ValueError("it is no file") from error


def _checked(told: object, path: Path) -> State:
    if not isinstance(told, dict):
        raise _damaged(path, "not an object")
    version = told.get("version")
    if not isinstance(version, int) or isinstance(version, bool):
        raise _damaged(path, "it has no version")
    if version > VERSION:
        raise RunFailed("the warehouse's state is of a newer newsmart", where=str(path), todo="upgrade newsmart")
    wrong = misfit(told)
    if wrong is not None:
        raise _damaged(path, f"{wrong} is not as it should be")
    state: State = told  # type: ignore[assignment]  # what is read of it is checked above
    return state


def _damaged(path: Path, why: str) -> RunFailed:
    return RunFailed("the warehouse's state is damaged", where=f"{path}: {why}", todo="the next run writes it anew")


def write_state(home: Home, state: State) -> None:
    """Replace state.json by this state, whole or not at all; `version` is set here. The caller holds the lock.

    A folder in its place is moved aside: it is not ours to remove.

    Raises RunFailed when it cannot be written, or the warehouse is another user's (the old one then stays), ValueError
    for what JSON cannot hold.
    """
    check_owner(home.folder, home.ledger)
    text = json.dumps({**state, "version": VERSION}, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    try:
        if home.state.is_dir() and not home.state.is_symlink():
            home.state.rename(home.state.with_name(f"{home.state.name}.aside-{token_hex(4)}"))
        content = text.encode("utf-8", "backslashreplace") + b"\n"
        write_atomically(home.state, content, mode=file_mode(home.folder))
    except OSError as error:
        raise refused("cannot write the warehouse's state", home.state, error) from error
