"""Which documents a source holds, from file names and metadata alone; no file is opened.

A source of 100,000 files must cost little more than `find`, so nothing is made per file but the numbers themselves:
one scandir for each folder, one stat for each document, columns and no objects. Rejected: os.walk (a list of names
first, then a stat by full path) and pathlib (an object a file).

Links are followed while they stay inside their source; one that leaves it, or leads back to a folder on its own way,
is skipped and told, and so is a link to a folder below a link to a folder, or a few dozen links would make more paths
than a disk has files. Whatever is named like a document but is no regular file (a FIFO, a socket, a device) is never
opened; a folder named so is a folder.
A folder that cannot be listed is told too: its documents are unknown, not removed (DESIGN section 6).
"""

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, NamedTuple, overload

from flows.stores.address import URLS

if TYPE_CHECKING:  # a process that has reading processes started first does not wait for Arrow
    import pyarrow as pa

SUFFIXES = (".md", ".markdown", ".txt", ".yaml", ".yml")
ESCAPED = " (escaped)"
"""What the path of a document whose name is no text ends with."""


@dataclass(frozen=True, slots=True)
class Source:
    """A folder, or the URL of a store (flows/stores), with a name; the name is the identity, the root may move."""

    name: str
    root: str


@dataclass(frozen=True, slots=True)
class FileRef:
    """One document to read: where it is, and what the ledger knows of it (digests: SHA-256, None where unknown)."""

    source: str
    path: str
    location: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    known_bytes: bytes | None = None
    known_content: bytes | None = None


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


@dataclass(frozen=True, slots=True)
class Scan:
    """What lies in the sources; files: schemas.batches.FILES, sorted by source and path (bytes)."""

    files: "pa.Table"
    unlistable: Sequence[Unlistable] = ()
    skipped: Sequence[Skipped] = ()


def is_document(name: str) -> bool:
    """Tell whether a file's name is that of a document: the suffix in any case, not hidden, not README.*."""
    lower = name.lower()
    return lower.endswith(SUFFIXES) and name[0] != "." and not lower.startswith("readme.")


def scan(sources: Iterable[Source]) -> Scan:
    """List the documents of sources. Out: sizes in bytes, times in ns.

    Raises nothing for folders; for a store that is not there UsageError, for one that does not answer TransientFailure.
    """
    from schemas.batches import FILES, table_of_columns

    found = _Found()
    for source in sources:
        if source.root.startswith(URLS):
            _list_store(source, found)
        else:
            _Walk(source, found).run()
    files = table_of_columns(found.columns, FILES)
    return Scan(
        files.sort_by([("source", "ascending"), ("path", "ascending")]),
        tuple(sorted(found.unlistable)),
        tuple(sorted(found.skipped)),
    )


@dataclass(slots=True)
class _Found:
    """The columns of FILES while they grow, and what was left out."""

    columns: tuple[list[str], list[str], list[int], list[int], list[int], list[int]] = field(
        default_factory=lambda: ([], [], [], [], [], [])
    )
    unlistable: list[Unlistable] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def _list_store(source: Source, found: _Found) -> None:
    """Take the documents of a source that is no folder."""
    from flows.stores.listing import list_store  # not at the top: folders do without

    listing = list_store(source.root, is_document)
    sources, paths, *columns = found.columns
    sources.extend(source.name for _ in listing.entries)
    paths.extend(listing.entries)
    for place, column in enumerate(columns):
        column.extend(entry.numbers[place] for entry in listing.entries.values())
    found.skipped.extend(_skipped(source.name, path, reason) for path, reason in listing.skipped)
    if listing.trouble is not None:
        found.unlistable.append(Unlistable(source.name, "", listing.trouble))


class _Folder(NamedTuple):
    """A folder to list.

    prefix: its path with a slash at the end; way: device and inode of the folders above; is_linked: a link led here.
    """

    location: str
    prefix: str
    way: frozenset[tuple[int, int]]
    is_linked: bool


class _Walk:
    """One pass over one source."""

    def __init__(self, source: Source, found: _Found) -> None:
        self._source, self._found = source, found
        self._real = os.path.realpath(source.root)
        self._waiting = [_Folder(source.root, "", frozenset(), False)]

    def run(self) -> None:
        """List all folders, one after the other."""
        while self._waiting:
            self._list(self._waiting.pop())

    def _list(self, folder: _Folder) -> None:
        """Take one folder's documents, and note the folders in it."""
        try:
            here = os.stat(folder.location)
            identity = (here.st_dev, here.st_ino)
            if identity in folder.way:
                self._skip(folder.prefix[:-1], "link_loop")
                return
            inside = folder._replace(way=folder.way | {identity})
            with os.scandir(folder.location) as entries:
                for entry in entries:
                    self._take(entry, inside)
        except OSError as error:
            shown = _shown(folder.prefix[:-1])
            self._found.unlistable.append(Unlistable(self._source.name, shown, error.strerror or str(error)))

    def _take(self, entry: os.DirEntry[str], inside: _Folder) -> None:
        name = entry.name
        if name[0] == ".":
            return
        if entry.is_symlink():
            self._follow(entry, inside)
        elif entry.is_dir(follow_symlinks=False):
            self._waiting.append(inside._replace(location=entry.path, prefix=f"{inside.prefix}{name}/"))
        elif is_document(name):
            with suppress(FileNotFoundError):  # gone since the folder was listed
                self._add(inside.prefix + name, entry.stat(follow_symlinks=False))

    def _follow(self, entry: os.DirEntry[str], inside: _Folder) -> None:
        path = inside.prefix + entry.name
        try:
            target = os.path.realpath(entry.path, strict=True)
            status = os.stat(target)
        except OSError:
            self._skip(path, "broken_link")
            return
        if os.path.commonpath((target, self._real)) != self._real:
            self._skip(path, "link_leaves_source")
        elif not stat.S_ISDIR(status.st_mode):
            if is_document(entry.name):
                self._add(path, status)
        elif inside.is_linked:
            self._skip(path, "link_within_link")
        else:
            self._waiting.append(inside._replace(location=target, prefix=path + "/", is_linked=True))

    def _add(self, path: str, status: os.stat_result) -> None:
        if not stat.S_ISREG(status.st_mode):
            self._skip(path, "not_a_file")
        elif _is_bad(path):
            self._skip(path, "bad_name")
        else:
            sources, paths, sizes, mtimes, ctimes, inodes = self._found.columns
            sources.append(self._source.name)
            paths.append(path)
            sizes.append(status.st_size)
            mtimes.append(status.st_mtime_ns)
            ctimes.append(status.st_ctime_ns)
            inodes.append(status.st_ino)

    def _skip(self, path: str, reason: str) -> None:
        self._found.skipped.append(_skipped(self._source.name, path, reason))


def _is_bad(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _skipped(source: str, path: str, reason: str) -> Skipped:
    """Return what is told of an entry that is left out.

    A name that is no text counts as a document, whose identity is its path; so its path must be that of no other file.
    The mark makes it so, for what ends thus is not named like a document, and backslashes are doubled, so that no two
    such names are escaped alike.
    """
    if reason == "bad_name":
        return Skipped(source, _shown(path.replace("\\", "\\\\")) + ESCAPED, reason)
    return Skipped(source, _shown(path), reason)


def _shown(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


class References(Sequence[FileRef]):
    """References to the files of a scan, made only when asked for: a hundred thousand of them are a table, not objects.

    The table has the columns of FILES, and may have known_bytes and known_content.
    """

    def __init__(self, sources: Iterable[Source], files: "pa.Table") -> None:
        """Keep the table, and where each source lies."""
        self._roots = {source.name: source.root for source in sources}
        self._files = files
        self._names = [field.name for field in fields(FileRef) if field.name in files.column_names]

    def __len__(self) -> int:
        """Return the number of references."""
        return int(self._files.num_rows)

    @overload
    def __getitem__(self, index: int) -> FileRef: ...
    @overload
    def __getitem__(self, index: slice) -> list[FileRef]: ...
    def __getitem__(self, index: int | slice) -> FileRef | list[FileRef]:
        """Return one reference, or those of a slice."""
        if isinstance(index, int):
            return self[index : index + 1 or None][0]
        start, stop, step = index.indices(len(self))
        rows = self._files.slice(start, max(stop - start, 0))
        columns = [rows[name].to_pylist() for name in self._names]
        made = (self._make(*row) for row in zip(*columns, strict=True))
        return list(made)[::step]

    def _make(self, source: str, path: str, *rest: Any) -> FileRef:
        return FileRef(source, path, f"{self._roots[source]}/{path}", *rest)

    def sizes(self) -> list[int]:
        """Return the size of each file, in bytes."""
        return [size or 0 for size in self._files["size"].to_pylist()]


def references(sources: Iterable[Source], files: "pa.Table") -> References:
    """Return a reference for each row of a scan's files."""
    return References(sources, files)
