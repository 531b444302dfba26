"""Limits of what a person may set, so that nothing that is given one overflows, and sizes such as `2GB`."""

import re

from schemas.errors import UsageError

MOST_SECONDS = 1_000_000_000
"""Three decades; clocks, timers and DuckDB count further."""
MOST_WORKERS = 1_024
"""Reading processes."""
MOST_BYTES = 10**15
"""Nobody has more memory; DuckDB and the system's own limits count in 64 bits."""
_SIZE = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?i?B?)\s*", re.IGNORECASE)


def size_bytes(text: str) -> int:
    """Return the bytes that a size such as `2GB` or `512MiB` means.

    Raises UsageError for anything else, for less than a byte and for over 1,000 TB.
    """
    match = _SIZE.fullmatch(text)
    unit = match[2].upper().rstrip("B") if match else ""
    if match is None or (unit == "" and match[2] == "") or unit == "I":
        raise _no_size(text)
    base = 1024 if unit.endswith("I") else 1000
    size = float(match[1]) * base ** " KMGT".index(unit.rstrip("I") or " ")
    if not 1 <= size <= MOST_BYTES:
        raise _no_size(text)
    return int(size)


def _no_size(text: str) -> UsageError:
    return UsageError("not a size", where=repr(text), todo="such as 512MB, 2GB, 1.5GiB, at most 1000TB")
