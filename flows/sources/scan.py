"""What `--source [NAME=]DIR` or `[NAME=]URL` means, and which documents lie there, from names and metadata alone.

No file is opened. What lies in a folder is flows/sources/walk.py's to find, what lies in a store
flows/sources/stores'; here it becomes one table, and references to what is to be read.
"""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from time import time_ns
from typing import TYPE_CHECKING, Any, overload

from flows.sources.stores.address import URLS, Address, address_of, check_reachable, is_url, parse_address
from flows.sources.walk import Found, Skipped, Unlistable, walk
from schemas.errors import UsageError
from schemas.limits import FileState
from schemas.text import is_utf8

if TYPE_CHECKING:  # a process that has reading processes started first does not wait for Arrow
    import pyarrow as pa


_NAME = re.compile(r"([^/]*?)=(?=/|[A-Za-z][A-Za-z0-9+.-]*://)|([^/=]*)=")


@dataclass(frozen=True, slots=True)
class Source:
    """A folder, or the URL of a store (sources/stores), with a name; the name is the identity, the root may move."""

    name: str
    root: str


def parse_source(text: str) -> Source:
    """Return the source that NAME=DIR or DIR names, DIR a folder or a URL; NAME defaults to its last component.

    A `=` names a source only where what stands before it holds no `/`, so that a folder may have one in its path. Of
    several, the one before an absolute folder or a URL counts, else the first: a name may hold one too, as a folder's
    does, and is given to a schedule as NAME=DIR.
    Raises UsageError for an empty name or folder, and for a URL that is none of ours.
    """
    match = _NAME.match(text)
    name, folder = (match[1] or match[2] or "", text[match.end() :]) if match else ("", text)
    name = name.strip()
    if match and not name:
        raise UsageError("a source's name is empty", where="before the =", todo="write --source NAME=DIR")
    if not is_utf8(name):
        raise UsageError("a source's name is not UTF-8", where=ascii(name), todo="write --source NAME=DIR")
    if not folder.strip():
        raise UsageError("a source needs a folder", where=repr(text), todo="write --source NAME=DIR or --source DIR")
    place = parse_address(folder) if is_url(folder) else folder
    if isinstance(place, Address):
        return Source(name or place.name, place.root)
    name = name or Path(os.path.abspath(place)).name.strip()
    if not name or not is_utf8(name):
        raise UsageError("a source needs a name, in UTF-8", where=repr(text), todo="write --source NAME=DIR")
    return Source(name, place)


def absolute(root: str) -> str:
    """Return where a source lies, whatever the current folder is."""
    return root if root.startswith(URLS) else os.path.abspath(root)


def parse_sources(texts: Sequence[str]) -> tuple[Source, ...]:
    """Return the sources, each a folder or an archive that is there, or a store that can be asked."""
    sources = tuple(parse_source(text) for text in texts)
    names = [source.name for source in sources]
    for source in sources:
        if names.count(source.name) > 1:
            raise UsageError("two sources have the same name", where=source.name, todo="give one another NAME=")
        if source.root.startswith(URLS):
            check_reachable(address_of(source.root))
        elif not os.path.isdir(source.root):
            raise UsageError("no such source folder", where=source.root, todo="check the path given to --source")
    return sources


@dataclass(frozen=True, slots=True)
class FileRef:
    """One document to read: where it is, and what the ledger knows of it (digests: SHA-256, None where unknown).

    data: the bytes themselves, where they are at hand and nothing lies anywhere.
    """

    source: str
    path: str
    location: str
    size: int
    mtime_ns: int
    ctime_ns: int
    inode: int
    known_bytes: bytes | None = None
    known_content: bytes | None = None
    data: bytes | None = None

    @property
    def state(self) -> FileState:
        """What was said of the file when it was listed."""
        return self.size, self.mtime_ns, self.ctime_ns, self.inode


@dataclass(frozen=True, slots=True)
class Scan:
    """What lies in the sources; files: schemas.batches.FILES, in no order; scanned_at_ns: when the scan began."""

    files: "pa.Table"
    scanned_at_ns: int
    unlistable: Sequence[Unlistable] = ()
    skipped: Sequence[Skipped] = ()


def scan(sources: Iterable[Source]) -> Scan:
    """List the documents of sources. Out: sizes in bytes, times in ns."""
    import pyarrow as pa

    from schemas.batches import FILES

    scanned_at_ns = time_ns()
    found = [_find(source) for source in sources]
    return Scan(
        pa.concat_tables([FILES.empty_table(), *map(_table, found)]),
        scanned_at_ns,
        tuple(sorted(chain.from_iterable(one.unlistable for one in found))),
        tuple(sorted(chain.from_iterable(one.skipped for one in found))),
    )


def _find(source: Source) -> Found:
    if not source.root.startswith(URLS):
        return walk(source.name, source.root)
    from flows.sources.stores.store import list_store  # not at the top: folders do without

    return list_store(source.name, source.root)


def _table(found: Found) -> "pa.Table":
    """Return documents as a table (schemas.batches.FILES); no number becomes an object."""
    import pyarrow as pa

    from schemas.batches import FILES

    count = len(found.paths)
    numbers = [pa.Array.from_buffers(pa.int64(), count, [None, pa.py_buffer(column)]) for column in found.columns()]
    return pa.Table.from_arrays(
        [pa.repeat(found.source, count), pa.array(found.paths, pa.string()), *numbers], schema=FILES
    )


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
