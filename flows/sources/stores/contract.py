"""What every store gives, in plain values: entries when it is listed, bytes when it is read.

This module imports nothing of flows, so that the scan, the reader and the stores can all lean on it.
"""

from hashlib import sha256
from typing import NamedTuple, Protocol

MAX_BYTES = 5_000_000
"""What a document may have, wherever it lies."""


# What one archive may hold. Text packs to a tenth, repeated text to a hundredth: beyond both of these it is a bomb.
# Each entry costs a kilobyte while the archive is listed.
MAX_UNPACKED = 100_000_000
MAX_RATIO = 100
MAX_ENTRIES = 1_000_000
TOO_MUCH = "an archive that unpacks to too much: over 100 MB, and over 100 times its size"
TOO_MANY = f"an archive of over {MAX_ENTRIES:,} entries"


class Numbers(NamedTuple):
    """What tells one state of a document from another; names and units are those of os.stat_result."""

    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int
    st_ino: int


class Entry(NamedTuple):
    """Something that lies in a store. path: below the source's root; flaw: why it cannot be a document, if so."""

    path: str
    numbers: Numbers
    flaw: str | None = None


class Got(NamedTuple):
    """What came of reading one document; the fields are those of flows.sources.files.FileBytes."""

    data: bytes | None
    status: Numbers | None
    trouble: str | None = None


class Reference(Protocol):
    """A document to read: the part of flows.sources.scan.FileRef that a store needs."""

    @property
    def path(self) -> str:
        """Where it lies, below the source's root."""

    @property
    def size(self) -> int:
        """Bytes."""

    @property
    def mtime_ns(self) -> int:
        """Time of modification."""

    @property
    def ctime_ns(self) -> int:
        """What the store puts here."""

    @property
    def inode(self) -> int:
        """What the store puts here."""


class NotListed(Exception):
    """A store's content is not known; the text says why, in one line and without anything secret."""


# How the trouble begins of a document that exists and may not be read.
DENIED = "no right to read it"


def numbers_of(ref: Reference) -> Numbers:
    """Return what the listing said of a document."""
    return Numbers(ref.size, ref.mtime_ns, ref.ctime_ns, ref.inode)


def hash63(*parts: object) -> int:
    """Return a number of 63 bits that is the same for the same parts, on every machine."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1
