"""Which settings count from a settings file that was found, and not named by the user.

newsmart.toml lies in the current folder, and whoever can write there can put one: in /tmp, in a team's folder, in a
mounted volume. Settings that run something, or say whom to call, what to read, where to write or what to delete, count
from it only where the file and its folder are the user's alone (or root's). A file that the user names
(NEWSMART_SETTINGS) is meant. Group members count as others, as for ssh.
"""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from schemas.errors import UsageError

# What runs something, dials an address, or has a run delete what it would keep or publish what it would refuse.
RISKY = "risky"
# What costs time or changes how things are printed.
HARMLESS = "harmless"
# What may name a place, as long as that lies where the file lies.
PLACE = "place"
_OUTSIDE = re.compile(r"(^|=)[/~]|://|^[^/]*:/|(^|[/=])\.\.(/|$)")


def check_trust(given: Mapping[str, tuple[str, object]], path: Path, status: os.stat_result) -> None:
    """Raise UsageError where a found file sets what it may not.

    In: of each of its settings which of the three it is, and the value; where the file lies; the state of the very
    file that was read, link or not.
    """
    folder = path.absolute().parent
    risky = sorted(name for name, (kind, value) in given.items() if _is_risky(kind, value, folder))
    reason = _distrust(path, status) if risky else None
    if reason is not None:
        raise UsageError(
            f"a settings file that is not yours alone may not set {', '.join(risky)}",
            where=f"{path.absolute()}: {reason}",
            todo=f"mend that, or, if you mean it, set NEWSMART_SETTINGS={path}",
        )


def _is_risky(kind: str, value: object, folder: Path) -> bool:
    if kind == PLACE:
        return bool(_OUTSIDE.search(str(value))) or _is_linked_out(str(value), folder)
    return kind == RISKY and value != ""


def _is_linked_out(place: str, folder: Path) -> bool:
    home = os.path.realpath(folder)
    ways = [way for name in (place, place.partition("=")[2]) for way in (name, f"{name}.d") if "\0" not in name]
    return any(os.path.commonpath((home, os.path.realpath(folder / way))) != home for way in ways)


def _distrust(path: Path, status: os.stat_result) -> str | None:
    folders = {"its folder": path.absolute().parent, "the folder of what it links to": path.resolve().parent}
    for name, found in {"it": status, **{name: folder.stat() for name, folder in folders.items()}}.items():
        if found.st_uid not in (0, os.geteuid()):
            return f"{name} belongs to another user"
        if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"others may write {name} (chmod go-w)"
    return None
