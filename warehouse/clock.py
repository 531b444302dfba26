"""Times: the clock, the one way in which text becomes a naive UTC datetime, and what becomes of times in JSON.

The warehouse keeps naive times that mean UTC, since DuckDB's TIMESTAMP WITH TIME ZONE is shown in each reader's own
zone.
"""

from datetime import UTC, datetime
from typing import Any

from schemas.errors import UsageError


def utc_now() -> datetime:
    """Return the time now, naive, in UTC."""
    return datetime.now(UTC).replace(tzinfo=None)


def parse_moment(text: str) -> datetime:
    """Return the moment that an ISO 8601 text names, naive, in UTC; without an offset it is UTC already.

    Raises UsageError where it is none, or where it is no year in UTC.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise UsageError("not a time in ISO 8601, such as 2026-01-31T08:00:00Z", where=repr(text)) from None


def as_text(moment: datetime | None) -> str | None:
    """Return a naive UTC time as ISO 8601 with `Z`, or None for none."""
    return None if moment is None else moment.isoformat() + "Z"


def as_plain(value: Any, name: str = "") -> Any:
    """Return a value, or rows, as JSON carries them: times and keys as text."""
    if isinstance(value, datetime):
        return as_text(value)
    if isinstance(value, dict):
        return {key: as_plain(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [as_plain(item, name) for item in value]
    return str(value) if isinstance(value, int) and name.endswith("_key") else value
