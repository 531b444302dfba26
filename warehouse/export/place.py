"""A folder of this machine as the place of an export; `bucket.py` has the same methods for a bucket.

Exports lie side by side in folders of their own, below one manifest that is replaced atomically. All else about an
export is the same for every place (`release.py`).
"""

import os
import re
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import LockedError, UsageError
from warehouse.durable import fsync, try_lock, write_atomically
from warehouse.export.manifest import FOLDER, MANIFEST, Manifest, parse_manifest
from warehouse.refusals import refusing

LOCK = ".newsmart-export.lock"
FAILED = "cannot write the export"


class Folder:
    """A folder of this machine. An export at a time, by a lock that dies with its process."""

    def __init__(self, path: Path) -> None:
        """In: the folder, which need not exist."""
        self.path = Path(os.path.abspath(path))

    @property
    def shown(self) -> str:
        """The folder's path."""
        return str(self.path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder by flock; it is made where it is absent, and looked through before anything is put in."""
        number = self._open_lock()
        try:
            if not try_lock(number):
                raise LockedError("another export writes here", where=self.shown, todo="it ends by itself")
            yield
        finally:
            os.close(number)

    def _open_lock(self) -> int:
        if os.path.lexists(self.path) and not self.path.is_dir():
            raise UsageError("not a folder", where=self.shown)
        with refusing("cannot make the export's folder", self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        check_names(self._names(), self.shown)
        with refusing(FAILED, self.path):
            return os.open(self.path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)

    def _names(self) -> list[str]:
        with refusing("cannot list the export's folder", self.path):
            return sorted(entry.name for entry in self.path.iterdir())

    def read(self) -> Manifest | None:
        """Return the manifest, or None where there is none yet."""
        file = self.path / MANIFEST
        with refusing("cannot read the manifest", file):
            return parse_manifest(file.read_bytes(), str(file)) if os.path.lexists(file) else None

    @contextmanager
    def staged(self, folder: str) -> Iterator[Path]:
        """Give the export's own folder: until the manifest names it, nobody looks there."""
        staged = self.path / folder
        with refusing(FAILED, staged):
            staged.mkdir()
            fsync(self.path)
        yield staged

    def keep(self, folder: str, file: Path, relative: str) -> None:
        """Flush the file, and the folders on the way to it: it lies in its place already."""
        with refusing(FAILED, file):
            fsync(file)
            for parent in file.parents:
                fsync(parent)
                if parent == self.path / folder:
                    break

    def switch(self, content: bytes) -> None:
        """Replace the manifest by one rename."""
        with refusing("cannot write the manifest", self.path / MANIFEST):
            write_atomically(self.path / MANIFEST, content)

    def sizes(self, folder: str) -> Mapping[str, int]:
        """Return path and size of each file of an export."""
        files = [path for path in (self.path / folder).rglob("*") if path.is_file()]
        return {path.relative_to(self.path).as_posix(): path.stat().st_size for path in files}

    def remove(self, folder: str) -> None:
        """Remove an export's folder."""
        shutil.rmtree(self.path / folder, ignore_errors=True)

    def leftovers(self, kept: tuple[str, ...]) -> list[str]:
        """Return the folders that are not kept; under the lock nobody else can be writing one."""
        return [name for name in self._names() if FOLDER.fullmatch(name) and name not in kept]


def check_names(names: Collection[str], shown: str) -> None:
    """Raise UsageError where a place without a manifest holds what no export put there: nothing of it is touched."""
    # A manifest that a crash left half written is ours too.
    ours = re.compile(rf"{re.escape(LOCK)}|{re.escape(MANIFEST)}(\.[0-9a-f]+)?\.tmp|{FOLDER.pattern}")
    foreign = sorted(name for name in names if not ours.fullmatch(name))
    if foreign and MANIFEST not in names:
        raise UsageError(
            "the place to export to holds other things",
            where=f"{shown}: {foreign[0]}",
            todo="name an empty or a new one",
        )
