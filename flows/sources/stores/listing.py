"""The documents of a store, judged by the rules that hold for folders.

A store's names are only text, and some are made to deceive. One with an empty component, `.` or `..` in it, or a NUL,
names no path below the source: it is left out and told. Nothing is ever written to such a path, but a document's path
is its identity, and people open paths. Of two entries of one name the last counts, as for every program that unpacks;
the others are told.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from flows.sources.stores.address import Address, address_of
from flows.sources.stores.contract import Entry, NotListed

IsDocument = Callable[[str], bool]


@dataclass(slots=True)
class Listing:
    """What lies in a store. skipped: (path, reason); trouble: why nothing is known of it."""

    entries: dict[str, Entry] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    trouble: str | None = None


def list_store(root: str, is_document: IsDocument) -> Listing:
    """List the documents of a store; is_document judges a file's name.

    Raises UsageError where there is no such store, TransientFailure where it did not answer.
    """
    address = address_of(root)
    try:
        return judge(_entries(address), is_document)
    except NotListed as error:
        return Listing(trouble=str(error))


def _entries(address: Address) -> Iterator[Entry]:
    # Not at the top: each needs what the others can do without.
    if address.scheme == "s3":
        from flows.sources.stores.s3 import list_s3

        return list_s3(address)
    if address.scheme == "zip":
        from flows.sources.stores.zips import list_zip

        return list_zip(address)
    from flows.sources.stores.tars import list_tar

    return list_tar(address)


def judge(entries: Iterable[Entry], is_document: IsDocument) -> Listing:
    """Keep the documents among a store's entries, each name once."""
    listing = Listing()
    for entry in entries:
        if not _is_wanted(entry, is_document):
            continue
        if entry.path in listing.entries:
            listing.skipped.append((entry.path, "duplicate_name"))
        listing.entries[entry.path] = entry
    for path, reason in [(path, _flaw(entry)) for path, entry in listing.entries.items()]:
        if reason is not None:
            listing.skipped.append((path, reason))
            del listing.entries[path]
    return listing


def _is_wanted(entry: Entry, is_document: IsDocument) -> bool:
    """Tell whether an entry is named like a document, or is a link, which may stand for a folder of them."""
    *folders, name = entry.path.split("/")
    is_hidden = any(part[:1] == "." and part not in (".", "..") for part in folders)
    if not name or is_hidden or name[0] == ".":
        return False
    return entry.flaw == "link" or is_document(name)


def _flaw(entry: Entry) -> str | None:
    if "\0" in entry.path or any(part in ("", ".", "..") for part in entry.path.split("/")):
        return "bad_path"
    try:
        entry.path.encode("utf-8")
    except UnicodeEncodeError:
        return "bad_name"
    return entry.flaw
