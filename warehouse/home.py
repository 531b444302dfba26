"""Where a warehouse lives: one place that knows every path beside FILE.

All that is private lies in `FILE.d/`, and FILE is only a relative symbolic link into it, so that one rename swaps what
readers open and the whole warehouse can be moved or mounted as a folder. A release has a folder of its own and keeps
FILE's basename in it: DuckDB names the catalog after the file it has opened, and a catalog called after a release id
would break every saved query.

Rejected: FILE as a real file that is replaced. A `.wal` left by a reader that opened the old file read-write would be
replayed into the new one. Also rejected: a hard link, which hides which release it is.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from schemas.errors import UsageError
from schemas.text import is_utf8
from warehouse.durable import check_no_link
from warehouse.owners import check_owner, make_folder
from warehouse.refusals import refusing

FOLDER_SUFFIX = ".d"
STAGING_SUFFIX = ".tmp"
_LINK = re.compile(r"(?P<name>[^/]+)\.d/releases/[^/]+/(?P=name)")
RELEASE_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_.-]{0,99}", re.ASCII)


def is_release_id(text: str) -> bool:
    """Return whether a text can be a release's id: a folder's name, so it must hold no way out of its folder."""
    return RELEASE_ID.fullmatch(text) is not None and not text.endswith(STAGING_SUFFIX)


def check_release_id(release_id: str) -> str:
    """Return the id. Raises UsageError for what can be none."""
    if not is_release_id(release_id):
        raise UsageError("not a release id", where=repr(release_id), todo="see `newsmart releases`")
    return release_id


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of one warehouse.

    `file` is absolute and is the link itself, never what it points at. `stray_wal` is the write-ahead log that a
    program leaves beside it when it opened the link for writing. All others lie in `folder`, FILE.d, which is private.
    """

    file: Path
    stray_wal: Path
    folder: Path
    ledger: Path  # mode 0600
    lock: Path  # the file that a run locks
    state: Path  # what the last run left for those who must not wait for a lock
    temp: Path  # the parent of DuckDB's spill folders
    prefect: Path  # the folder of Prefect's server and its database
    releases: Path  # the folder of release folders
    differing: Path  # the folder of a release that was other than a whole build

    @classmethod
    def of(cls, file: Path) -> "Home":
        """Return the home of FILE, which need not exist. Links in FILE are not followed: FILE is itself one."""
        if file.name in ("", ".", ".."):
            raise UsageError("the warehouse must be a file's name", where=str(file))
        path = os.path.abspath(file)
        if not is_utf8(path):
            # DuckDB says no more of it than `std::bad_cast`.
            raise UsageError("the warehouse's path is not UTF-8", where=ascii(path), todo="name another --warehouse")
        folder = Path(path + FOLDER_SUFFIX)
        return cls(
            file=Path(path),
            stray_wal=Path(path + ".wal"),
            folder=folder,
            ledger=folder / "ledger.duckdb",
            lock=folder / "lock",
            state=folder / "state.json",
            temp=folder / "tmp",
            prefect=folder / "prefect",
            releases=folder / "releases",
            differing=folder / "differing",
        )

    def release_folder(self, release_id: str) -> Path:
        """Return the folder of a published release. Raises UsageError when the id is no id."""
        return self.releases / check_release_id(release_id)

    def release_file(self, release_id: str) -> Path:
        """Return the database file of a published release; its name is FILE's, always."""
        return self.release_folder(release_id) / self.file.name

    def staging_folder(self, release_id: str) -> Path:
        """Return the folder in which a release is built, beside its place, so that a rename can move it there."""
        return self.releases / (check_release_id(release_id) + STAGING_SUFFIX)

    def staging_file(self, release_id: str) -> Path:
        """Return the database file of a release that is being built."""
        return self.staging_folder(release_id) / self.file.name

    def link_target(self, release_id: str) -> str:
        """Return what FILE says when it points at the release: relative, so that the folder can be moved."""
        return f"{self.folder.name}/{self.releases.name}/{check_release_id(release_id)}/{self.file.name}"

    def linked_release(self) -> str | None:
        """Return the release that FILE points at, or None where FILE is absent or not our link.

        The release's own file may be missing all the same: a link can dangle.
        """
        try:
            target = os.readlink(self.file)
        except OSError:
            return None
        release_id = Path(target).parent.name
        return release_id if is_release_id(release_id) and target == self.link_target(release_id) else None

    def other_name(self) -> str | None:
        """Return the name of the warehouse whose link FILE is, where that is not FILE's own: it was renamed."""
        try:
            match = _LINK.fullmatch(os.readlink(self.file))
        except OSError:
            return None
        return match["name"] if match is not None and match["name"] != self.file.name else None

    def check(self) -> None:
        """Raise UsageError when FILE, or FILE.d, is not ours, RunFailed for a link in FILE.d. Nothing is touched."""
        other = self.other_name()
        if other is not None:
            todo = f"name it {other} again, and its folder {other}{FOLDER_SUFFIX}"
            raise UsageError(f"this is the link of a warehouse called {other}", where=str(self.file), todo=todo)
        if os.path.lexists(self.file) and self.linked_release() is None:
            raise UsageError(
                "the warehouse's place is taken by something that newsmart did not put there",
                where=str(self.file),
                todo="move it away or name another --warehouse",
            )
        if os.path.lexists(self.folder) and not self.folder.is_dir():
            raise UsageError("not a folder", where=str(self.folder), todo="move it away or name another --warehouse")
        for path in (self.releases, self.temp, self.ledger, self.lock, self.state, self.prefect, self.differing):
            check_no_link(path)

    def check_released(self) -> None:
        """Raise UsageError where FILE shows no release."""
        if not self.file.exists():
            raise self.no_release()

    def no_release(self) -> UsageError:
        """Return the error of whatever needs a release."""
        return UsageError("there is no release yet", where=str(self.file), todo="run `newsmart run` first")

    def check_outside(self, path: Path) -> None:
        """Raise UsageError where a file or folder that somebody wants written is FILE, its log, or lies in FILE.d."""
        is_own = Path(os.path.abspath(path)) in (self.file, self.stray_wal)
        if is_own or path.resolve().is_relative_to(self.folder.resolve()):
            raise UsageError("this place is the warehouse's own", where=str(path), todo="choose another --to")

    def prepare(self, *, only_for_lock: bool = False) -> None:
        """Make the folders that a run, or its lock, needs: FILE.d as the umask allows, those in it as open as FILE.d.

        Raises UsageError as `check` does, RunFailed where a folder cannot be made or the warehouse is another user's.
        """
        self.check()
        check_owner(self.folder, self.ledger)
        for folder in (self.folder,) if only_for_lock else (self.folder, self.releases, self.temp):
            with refusing("cannot make the warehouse's folder", folder):
                make_folder(folder, like_parent=folder != self.folder)
