"""What state.json must look like for those who read it: a list where a number should be is told, not stumbled over.

A key that is not there is no fault, as an older newsmart may not have known it; one that is not known here is left
alone. Checked by hand, as Pydantic takes longer to import than `newsmart status` takes.
"""

import math
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from warehouse.home import RELEASE_ID

Check = Callable[[object], bool]


def misfit(told: Mapping[str, object]) -> str | None:
    """Return the first key of a state that is not as it should be, or None."""
    return next((name for name, is_right in _STATE.items() if name in told and not is_right(told[name])), None)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63


def _is_number(value: object) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | bool) or _is_number(value)


def _is_moment(value: object) -> bool:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return False
    return moment is not None and moment.utcoffset() in (None, timedelta(0))


def _is_release_id(value: object) -> bool:
    return isinstance(value, str) and RELEASE_ID.fullmatch(value) is not None and not value.endswith(".tmp")


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _each(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _values(check: Check) -> Check:
    return lambda value: isinstance(value, dict) and all(map(check, value.values()))


def _record(needed: Mapping[str, Check], known: Mapping[str, Check]) -> Check:
    """Return a check of an object: what it needs is there, and what is known of it is right."""
    checks = {**known, **needed}

    def is_right(value: object) -> bool:
        if not isinstance(value, dict) or not needed.keys() <= value.keys():
            return False
        return all(check(value[name]) for name, check in checks.items() if name in value)

    return is_right


_FILE = _record({"sha256": _is_text, **dict.fromkeys(("size", "mtime_ns", "ctime_ns", "inode"), _is_whole)}, {})
_RELEASE = _record(
    {
        "release_id": _is_release_id,
        **dict.fromkeys(("as_of", "published_at"), _is_moment),
        **dict.fromkeys(("documents", "articles", "mentions"), _is_whole),
    },
    {
        "file": lambda value: _FILE(value) and isinstance(value, dict) and len(value) == 5,
        "bytes": _is_whole,
        "change_number": _is_whole,
    },
)
_RUN = _record(
    {},
    {
        **dict.fromkeys(("run_id", "error"), _or_none(_is_text)),
        **dict.fromkeys(("as_of", "started_at", "finished_at"), _or_none(_is_moment)),
        "status": _is_text,
        "seconds": _values(_is_number),
        "notices": _each(_is_text),
        "audits": _each(_values(_is_plain)),
    },
)
_STATE: Mapping[str, Check] = {
    "run": _RUN,
    "balance": _values(_is_whole),
    "balance_run_id": _or_none(_is_text),
    "quarantine": _each(_values(_is_plain)),
    "drift": _each(_values(_is_plain)),
    "release": _or_none(_RELEASE),
    "releases": _each(_RELEASE),
    "ledger": _record({"change_number": _is_whole, "last_event_at": _or_none(_is_moment)}, {}),
    "pin": _or_none(_is_text),
    "pinned_at_change": _or_none(_is_whole),
    "takedown": _or_none(_is_moment),
}
