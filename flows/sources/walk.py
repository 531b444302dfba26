"""Lists the documents of folders, from names and metadata alone.

A source of 100,000 files must cost little more than `find`, so nothing is made per file but the numbers themselves:
one scandir for each folder, one stat for each document, columns and no objects. Rejected: os.walk (a list of names
first, then a stat by full path) and pathlib (an object a file).

Links are followed while they stay inside their source. Skipped and reported are: a link that leaves its source, one
that leads back to a folder above it, and a link to a folder below a link to a folder (a few dozen of those would make
more paths than a disk has files). Whatever is named like a document but is no regular file (a FIFO, a socket, a device)
is never opened; a folder named so is a folder. A folder that cannot be listed is reported too: its documents are
unknown, not removed.
"""

import os
import stat
from array import array
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from schemas.limits import FileState, file_state
from schemas.text import is_utf8

SUFFIXES = (".md", ".markdown", ".txt", ".yaml", ".yml")
ESCAPED = " (escaped)"
"""What the path of a document whose name is no text ends with."""
_README = "readme."


class Unlistable(NamedTuple):
    """A folder whose content is not known; folder is relative to the source, empty for its root."""

    source: str
    folder: str
    reason: str


class Skipped(NamedTuple):
    """An entry that is left out though its name looks like a document or folder.

    path: with backslash escapes where it is no text; of a bad name, which counts as a document, unlike any other path.
    """

    source: str
    path: str
    reason: str


@dataclass(slots=True)
class Found:
    """The documents of one source while they are found, and what was left out. states: four numbers a document."""

    source: str
    paths: list[str] = field(default_factory=list)
    states: "array[int]" = field(default_factory=partial(array, "q"))
    unlistable: list[Unlistable] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def add(self, path: str, state: FileState) -> None:
        """Take a document."""
        self.paths.append(path)
        self.states.extend(state)

    def columns(self) -> "list[array[int]]":
        """Return the sizes, the times of modification and of change, and the inodes, each in the order of the paths."""
        return [self.states[place::4] for place in range(4)]

    def skip(self, path: str, reason: str) -> None:
        """Leave an entry out, and tell.

        A name that is no text counts as a document, whose identity is its path; so its path must be that of no other
        file. The mark at its end sees to that, and as backslashes are doubled no two such names are escaped alike.
        """
        shown = _shown(path.replace("\\", "\\\\")) + ESCAPED if reason == "bad_name" else _shown(path)
        self.skipped.append(Skipped(self.source, shown, reason))


def is_document(name: str) -> bool:
    """Tell whether a file's name is that of a document: the suffix in any case, not hidden, not README.*."""
    lower = name.lower()
    return lower.endswith(SUFFIXES) and name[0] != "." and not lower.startswith(_README)


class _Folder(NamedTuple):
    """A folder to list.

    prefix: its path with a slash at the end; way: device and inode of the folders above; is_linked: a link led here.
    """

    location: str
    prefix: str
    way: frozenset[tuple[int, int]]
    is_linked: bool


def walk(source: str, root: str) -> Found:
    """Find the documents of a folder and of all folders in it. Out: sizes in bytes, times in ns; raises nothing."""
    one_pass = _Walk(Found(source), root)
    while one_pass.waiting:
        one_pass.list(one_pass.waiting.pop())
    return one_pass.found


class _Walk:
    def __init__(self, found: Found, root: str) -> None:
        self.found = found
        self._real = os.path.realpath(root)
        self.waiting = [_Folder(root, "", frozenset(), False)]

    def list(self, folder: _Folder) -> None:
        """Take one folder's documents, and note the folders in it."""
        try:
            here = os.stat(folder.location)
            identity = (here.st_dev, here.st_ino)
            if identity in folder.way:
                self.found.skip(folder.prefix[:-1], "link_loop")
                return
            inside = folder._replace(way=folder.way | {identity})
            with os.scandir(folder.location) as entries:
                for entry in entries:
                    if entry.name[0] != ".":
                        self._take(entry, inside)
        except OSError as error:
            reason = error.strerror or str(error)
            self.found.unlistable.append(Unlistable(self.found.source, _shown(folder.prefix[:-1]), reason))

    def _take(self, entry: os.DirEntry[str], inside: _Folder) -> None:
        name = entry.name
        if entry.is_file(follow_symlinks=False):
            if is_document(name):
                try:  # suppress() would take a tenth of the scan's time
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    return  # gone since the folder was listed
                self._judge(inside.prefix + name, status)
        elif entry.is_symlink():
            self._follow(entry, inside)
        elif entry.is_dir(follow_symlinks=False):
            self.waiting.append(inside._replace(location=entry.path, prefix=f"{inside.prefix}{name}/"))
        elif is_document(name):
            self.found.skip(inside.prefix + name, "not_a_file")

    def _follow(self, entry: os.DirEntry[str], inside: _Folder) -> None:
        path = inside.prefix + entry.name
        try:
            target = os.path.realpath(entry.path, strict=True)
            status = os.stat(target)
        except OSError:
            self.found.skip(path, "broken_link")
            return
        if os.path.commonpath((target, self._real)) != self._real:
            self.found.skip(path, "link_leaves_source")
        elif not stat.S_ISDIR(status.st_mode):
            if is_document(entry.name):
                self._judge(path, status)
        elif inside.is_linked:
            self.found.skip(path, "link_within_link")
        else:
            self.waiting.append(inside._replace(location=target, prefix=path + "/", is_linked=True))

    def _judge(self, path: str, status: os.stat_result) -> None:
        if stat.S_ISREG(status.st_mode) and is_utf8(path):
            self.found.add(path, file_state(status))
        else:
            self.found.skip(path, "bad_name" if stat.S_ISREG(status.st_mode) else "not_a_file")


def _shown(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
