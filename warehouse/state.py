"""state.json: what the last run left, for those who must wait for nobody.

`status`, `quarantine` and `drift` must answer while a run holds the ledger, after a run that published nothing, and
before the first release. So every run writes this small file, whole, by rename: a reader sees the old or the new one,
never a part. Rejected: tables in the ledger (locked while a run lasts) or in the release (stale after a refusal).

Its shape is checked when it is read, by the core of Pydantic alone: all of Pydantic takes longer to import than
`newsmart status` takes.
"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from secrets import token_hex
from typing import Any, TypedDict

from pydantic_core import CoreSchema, SchemaValidator, ValidationError
from pydantic_core import core_schema as core

from schemas.errors import RunFailed
from warehouse.durable import NotAFile, read_regular, write_atomically
from warehouse.home import Home, is_release_id
from warehouse.owners import check_owner, file_mode
from warehouse.refusals import refused, refusing

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
    former_pin: str | None
    pinned_at_change: int | None
    takedown: str | None


def read_state(home: Home) -> State | None:
    """Return the last state, or None when there is none. Raises RunFailed when the file is there and makes no sense.

    Takes no lock, and waits for nobody who should write into a pipe of that name.
    """
    try:
        content = json.loads(read_regular(home.folder, home.state.name, MAX_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except NotAFile as error:
        raise _damaged(home.state, "it is no file") from error
    except OSError as error:
        raise refused("cannot read the warehouse's state", home.state, error) from error
    except (ValueError, RecursionError) as error:
        raise _damaged(home.state, str(error)) from error
    version = content.get("version") if isinstance(content, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise RunFailed("the warehouse's state is of a newer newsmart", where=str(home.state), todo="upgrade newsmart")
    try:
        _shape().validate_python(content, strict=True)
    except ValidationError as error:
        name = next(iter(error.errors()[0]["loc"]), "it")
        raise _damaged(home.state, f"{name} is not as it should be") from error
    state: State = content
    return state


@cache
def _shape() -> SchemaValidator:
    """Return the validator of a state. Keys may be missing, as in an older newsmart's file, or be unknown here."""
    text, number = core.str_schema(), core.float_schema(allow_inf_nan=False)
    whole = core.int_schema(ge=-(1 << 63), lt=1 << 63)
    moment = core.no_info_after_validator_function(_moment, text)
    record = core.dict_schema(
        text, core.nullable_schema(core.union_schema([text, core.bool_schema(), whole, number], mode="left_to_right"))
    )
    file = _object({"sha256": text, **dict.fromkeys(("size", "mtime_ns", "ctime_ns", "inode"), whole)}, extra="forbid")
    release = _object(
        {
            "release_id": core.no_info_after_validator_function(_release_id, text),
            **dict.fromkeys(("as_of", "published_at"), moment),
            **dict.fromkeys(("documents", "articles", "mentions"), whole),
        },
        {"file": file, "bytes": whole, "change_number": whole},
    )
    run = {
        **dict.fromkeys(("run_id", "error"), core.nullable_schema(text)),
        **dict.fromkeys(("as_of", "started_at", "finished_at"), core.nullable_schema(moment)),
        "status": text,
        "seconds": core.dict_schema(text, number),
        "notices": core.list_schema(text),
        "audits": core.list_schema(record),
    }
    state = {
        "run": _object({}, run),
        "balance": core.dict_schema(text, whole),
        **dict.fromkeys(("quarantine", "drift"), core.list_schema(record)),
        "release": core.nullable_schema(release),
        "releases": core.list_schema(release),
        "ledger": _object({"change_number": whole, "last_event_at": core.nullable_schema(moment)}),
        **dict.fromkeys(("pin", "former_pin", "balance_run_id"), core.nullable_schema(text)),
        "pinned_at_change": core.nullable_schema(whole),
        "takedown": core.nullable_schema(moment),
    }
    return SchemaValidator(_object({"version": whole}, state))


def _object(
    needed: Mapping[str, CoreSchema],
    known: Mapping[str, CoreSchema] | None = None,
    extra: core.ExtraBehavior = "ignore",
) -> CoreSchema:
    fields = {name: core.typed_dict_field(schema) for name, schema in needed.items()}
    fields |= {name: core.typed_dict_field(schema, required=False) for name, schema in (known or {}).items()}
    return core.typed_dict_schema(fields, extra_behavior=extra)


def _moment(text: str) -> str:
    if datetime.fromisoformat(text).utcoffset() not in (None, timedelta(0)):
        raise ValueError(text)
    return text


def _release_id(text: str) -> str:
    if not is_release_id(text):
        raise ValueError(text)
    return text


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
    with refusing("cannot write the warehouse's state", home.state):
        if home.state.is_dir() and not home.state.is_symlink():
            home.state.rename(home.state.with_name(f"{home.state.name}.aside-{token_hex(4)}"))
        encoded = text.encode("utf-8", "backslashreplace") + b"\n"
        write_atomically(home.state, encoded, mode=file_mode(home.folder))


def problem_line(row: Mapping[str, Any]) -> str:
    """Return where a problem is, and what was expected and found there, in one line."""
    place = "" if row["line"] is None else f":{row['line']}:{row['column']}"
    field = f" {row['field']}: " if row["field"] else ": "
    found = "" if row["found"] is None else f", found {row['found']!r}"
    return f"{row['source']}/{row['path']}{place}{field}{row['reason']}: expected {row['expected']}{found}"
