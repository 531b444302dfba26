"""Whether a warehouse was renamed, moved or copied in part, and what it left behind.

A warehouse is FILE, a relative link, and FILE.d, the folder of all that is private; a release in it bears FILE's name.
So both can be moved together, and copied, as long as they keep their names and links stay links. People rename what
they see, which is FILE, and copy with programs that follow links.
"""

import os

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


def displaced(home: Home) -> str | None:
    """Say what is not where it should be, and what to do; None where all is in its place, or nothing is there."""
    file, folder, other = home.file, home.folder, home.other_name()
    beside = sorted(file.parent.glob("*"))
    has_ledger = home.ledger.is_file()
    if other is not None and file.with_name(other + FOLDER_SUFFIX).is_dir():
        return (
            f"{file} is the link of {other}, whose folder {other}{FOLDER_SUFFIX} is there: it was renamed; "
            f"name it {other} again, or readers stay with this release"
        )
    if other is not None:
        was = f" and {folder.name} its folder" if has_ledger else ""
        return f"{file} is the link of {other}{was}: renamed from that; give both their names back"
    if not os.path.lexists(file) and has_ledger:
        links = [path.name for path in beside if path.is_symlink() and os.readlink(path).startswith(f"{folder.name}/")]
        now = f", and {', '.join(links)} is a link into it: FILE was renamed" if links else ""
        return f"{file} is gone while {folder.name} is there{now}; `newsmart run` sets the link anew"
    if file.is_file() and not file.is_symlink() and has_ledger:
        return (
            f"{file} is a plain file where the link should be, as a copy that follows links leaves it; "
            "move it away, and `newsmart run` sets the link"
        )
    if home.linked_release() is not None and not has_ledger:
        holders = [path.name for path in beside if any(path.glob(f"releases/*/{file.name}"))]
        found = f"; {', '.join(holders)} holds its releases" if holders else ""
        return (
            f"{file} is a link into {folder.name}, which is gone, and the ledger with it{found}; "
            "move it back or restore a backup: a run would begin anew, without history"
        )
    return None
