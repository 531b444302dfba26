"""Whether a warehouse was renamed, moved or copied in part, and what it left behind.

A warehouse is FILE, a relative link, and FILE.d, the folder of all that is private; a release in it bears FILE's name.
So both can be moved together, and copied, as long as they keep their names and links stay links. People rename what
they see, which is FILE, and copy with programs that follow links.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from schemas.errors import LedgerDamaged
from warehouse.home import FOLDER_SUFFIX, Home
from warehouse.release import publish

LOST = "earlier versions, removed documents, first-seen times, past runs and takedowns' tombstones are lost"


def without_ledger(home: Home, *, may_begin_anew: bool) -> list[str]:
    """Say what is lost where a run finds FILE, but no ledger, and begins anew.

    Raises LedgerDamaged where the release is gone too, most likely with a folder that was moved, unless told otherwise.
    """
    if home.ledger.exists() or home.linked_release() is None:
        return []
    if publish.current(home) is None and not may_begin_anew:
        todo = "move it back, or restore a backup; `newsmart run --full-refresh` begins anew, without history"
        raise LedgerDamaged("the ledger is gone, and the release that FILE shows", where=str(home.folder), todo=todo)
    return [f"there was no ledger: started a new one from the sources; {LOST}"]


def displaced(home: Home) -> list[str]:
    """Return what is not where it should be, a sentence each with what to do; nothing where all is in its place."""
    other = home.other_name()
    if other is not None:
        return [_renamed(home, other)]
    if not os.path.lexists(home.file):
        return [_without_file(home)] if _is_warehouse(home.folder) else []
    if not home.file.is_symlink():
        return [_plain_file(home)] if home.file.is_file() and _is_warehouse(home.folder) else []
    if home.linked_release() is not None and not _is_warehouse(home.folder):
        return [_without_folder(home)]
    return []


def _is_warehouse(folder: Path) -> bool:
    return (folder / "ledger.duckdb").is_file()


def _renamed(home: Home, other: str) -> str:
    if _is_warehouse(home.file.with_name(other + FOLDER_SUFFIX)):
        return (
            f"{home.file} is the link of {other}, whose folder {other}{FOLDER_SUFFIX} is there: it was renamed; "
            f"name it {other} again, or readers stay with this release"
        )
    was = f" and {home.folder.name} its folder" if _is_warehouse(home.folder) else ""
    return f"{home.file} is the link of {other}{was}: renamed from that; give both their names back"


def _without_file(home: Home) -> str:
    links = ", ".join(sorted(path.name for path in _links_into(home)))
    now = f", and {links} is a link into it: FILE was renamed" if links else ""
    return f"{home.file} is gone while {home.folder.name} is there{now}; `newsmart run` sets the link anew"


def _links_into(home: Home) -> Iterator[Path]:
    """Yield the links beside FILE that show a release of its warehouse."""
    for path in _beside(home):
        if path.is_symlink() and os.readlink(path).startswith(f"{home.folder.name}/"):
            yield path


def _plain_file(home: Home) -> str:
    return (
        f"{home.file} is a plain file where the link should be, as a copy that follows links leaves it; "
        "move it away, and `newsmart run` sets the link"
    )


def _without_folder(home: Home) -> str:
    folders = [path for path in _beside(home) if path.is_dir() and any(path.glob(f"releases/*/{home.file.name}"))]
    found = f"; {', '.join(sorted(path.name for path in folders))} holds its releases" if folders else ""
    return (
        f"{home.file} is a link into {home.folder.name}, which is gone, and the ledger with it{found}; "
        "move it back or restore a backup: a run would begin anew, without history"
    )


def _beside(home: Home) -> list[Path]:
    try:
        return list(home.file.parent.iterdir())
    except OSError:
        return []


def is_copied(path: Path, recorded: publish.Fingerprint) -> bool:
    """Tell whether a file that is as it was published lies elsewhere than then: its inode, or its times, are others."""
    status = path.stat()
    return (status.st_ino, status.st_mtime_ns) != (recorded.inode, recorded.mtime_ns)
