"""Sources that are no folder: objects in S3, documents in an archive. What every such store has.

What a run needs of a source is little: a list of paths with four numbers that change when the document does, and the
bytes behind a path. A folder gives both through the operating system, and its way stays as it is
(flows/sources/walk.py, flows/sources/files.py); everything else goes through this package, chosen by how a source's
root begins. The numbers are those that the ledger compares (size, mtime_ns, ctime_ns, inode), so that neither the
ledger nor its SQL knows of stores:

| store | size, mtime | ctime_ns | inode |
|---|---|---|---|
| S3 | of the listing | hash of the ETag | 0 |
| zip | of the entry | hash of the CRC and the packed size | 0 |
| tar | of the entry; the archive's | hash of what stat says of the archive | where the bytes begin |

No store is imported until a source by URL is given: boto3 alone takes as long to import as a small run.
A location is the source's root, a slash and the path, so that a reference stays a plain value that any process, on any
machine that sees the store, can read.

Rejected: fsspec's own zip and tar file systems. They take the first of two entries of one name or the last as it
happens, follow no rule on entries that lead outside, unpack an entry whole to seek in it and index a tar anew for each
open. And s3fs: its reading calls return bytes without the ETag that those bytes had.

A store's names are only text, and some are made to deceive. One with an empty component, `.` or `..` in it, or a NUL,
names no path below the source: it is left out and reported. Nothing is ever written to such a path, but a document's
path is its identity, and people open paths. Of two entries of one name the last counts, as for every program that
unpacks; the others are reported.
"""

from collections.abc import Iterator, Sequence
from hashlib import sha256
from importlib import import_module
from typing import Any, NamedTuple

from flows.sources.files import FileBytes
from flows.sources.scan import FileRef
from flows.sources.stores.address import Address, address_of
from flows.sources.walk import Found, Unlistable, is_document
from schemas.limits import FileState
from schemas.text import is_utf8


class Entry(NamedTuple):
    """Something that lies in a store. path: below the source's root; flaw: why it cannot be a document, if so."""

    path: str
    state: FileState
    flaw: str | None = None


class NotListed(Exception):
    """A store cannot be listed, or read at a bearable cost; the text is one line without anything secret."""


def hash63(*parts: object) -> int:
    """Return a number of 63 bits that is the same for the same parts, on every machine."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1


def list_store(source: str, root: str) -> Found:
    """List the documents of a store."""
    found, repeated = Found(source), list[str]()
    entries: dict[str, Entry] = {}
    address = address_of(root)
    try:
        for entry in _module(address).list_entries(address):
            if _is_wanted(entry):
                repeated += [entry.path] if entry.path in entries else []
                entries[entry.path] = entry
    except NotListed as error:
        found.unlistable.append(Unlistable(source, "", str(error)))
        return found
    for path in repeated:
        found.skip(path, "duplicate_name")
    for path, entry in entries.items():
        flaw = _flaw(entry)
        if flaw is None:
            found.add(path, entry.state)
        else:
            found.skip(path, flaw)
    return found


def read_store(root: str, refs: Sequence[FileRef]) -> Iterator[FileBytes]:
    """Read documents of one store, in order. Raises TransientFailure, SourceUnreadable where the store itself fails."""
    address = address_of(root)
    documents: Iterator[FileBytes] = _module(address).read_documents(address, refs)
    return documents


def _module(address: Address) -> Any:
    """Return the store's module, imported only now: each imports what the other can do without."""
    return import_module(f"flows.sources.stores.{'s3' if address.scheme == 's3' else 'archives'}")


def _is_wanted(entry: Entry) -> bool:
    """Tell whether an entry is named like a document, or is a link, which may stand for a folder of them."""
    *folders, name = entry.path.split("/")
    is_hidden = any(part[:1] == "." and part not in (".", "..") for part in folders)
    if not name or is_hidden or name[0] == ".":
        return False
    return entry.flaw == "link" or is_document(name)


def _flaw(entry: Entry) -> str | None:
    if "\0" in entry.path or any(part in ("", ".", "..") for part in entry.path.split("/")):
        return "bad_path"
    return entry.flaw if is_utf8(entry.path) else "bad_name"
