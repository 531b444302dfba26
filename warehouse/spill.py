"""Folders for temporary files, DuckDB's above all: private, locked while their process lives, removed with it."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from warehouse.durable import check_no_link, try_lock
from warehouse.refusals import refusing

SPILL_PREFIX = "spill-"


@contextmanager
def spill_folder(parent: Path | None) -> Iterator[Path]:
    """Make a folder for temporary files, 0700 and locked, for the block, and remove it.

    By the lock a clean-up tells the folder of a living process from what a dead one has left.

    It lies below `parent`, or in the system's temporary folder where none is given or it cannot be written: a reader
    may have no right to write beside the warehouse.
    """
    place = parent if parent is not None and os.access(parent, os.W_OK | os.X_OK) else None
    if place is not None:
        check_no_link(place)
    with refusing("cannot make a folder to spill into", place or "the folder that TMPDIR names"):
        folder = Path(tempfile.mkdtemp(prefix=SPILL_PREFIX, dir=place))
    number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        # Without a lock, where the file system knows none, the folder is still private and still removed.
        with suppress(OSError):
            try_lock(number, shared=True)
        yield folder
    finally:
        os.close(number)
        shutil.rmtree(folder, ignore_errors=True)


def dead_spill_folders(parent: Path) -> list[Path]:
    """Return the spill folders below `parent` that no living process uses."""
    return sorted(folder for folder in parent.glob(SPILL_PREFIX + "*") if _is_unused(folder))


def _is_unused(folder: Path) -> bool:
    try:
        number = os.open(folder, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_DIRECTORY)
    except OSError:
        return False
    try:
        return try_lock(number)
    except OSError:
        return False
    finally:
        os.close(number)
