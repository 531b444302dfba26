"""Packs: the bytes of many documents, one after another, compressed together by Zstandard (RFC 8878).

Neighbours in a source repeat one another's related entries letter for letter, so a pack takes a quarter of the space
and half of the time that its documents take one by one (measured on 76 MB: 5.6 MB in 0.08 s, against 21 MB in 0.21 s).
A pack has a limit, because it is decompressed whole for a single document.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import NamedTuple

import pyarrow as pa

from schemas.batches import key_of_digest

PACK_BYTES = 4_000_000
# A pack ends with the document that fills it, and those over 5 MB are not taken in.
MOST_BYTES = 4 * PACK_BYTES
_LEVEL = 3


class Slice(NamedTuple):
    """Where the bytes of one document lie: their digest, the pack, the first byte and how many."""

    byte_digest: bytes
    pack_id: int
    first: int
    byte_count: int


class Pack(NamedTuple):
    """Documents packed together; byte_count is what they take uncompressed."""

    pack_id: int
    byte_count: int
    content: bytes


class Packer:
    """Packs documents as they come; each distinct run of bytes once."""

    def __init__(self) -> None:
        self.packs: list[Pack] = []
        self.slices: list[Slice] = []
        self._known: set[bytes] = set()
        self._open: list[bytes] = []
        self._places: list[tuple[bytes, int, int]] = []
        self._held = 0
        self._codec = pa.Codec("zstd", compression_level=_LEVEL)

    def add(self, digest: bytes, data: bytes) -> None:
        """Add a document; digest is the SHA-256 of its bytes."""
        if digest in self._known:
            return
        self._known.add(digest)
        self._places.append((digest, self._held, len(data)))
        self._open.append(data)
        self._held += len(data)
        if self._held >= PACK_BYTES:
            self.close()

    def close(self) -> None:
        """Close the pack that is open, if there is one."""
        if not self._places:
            return
        # The key follows from what the pack holds and where, so the same documents make the same pack.
        key = key_of_digest(sha256(b"".join(digest for digest, _, _ in self._places)).digest())
        self.packs.append(Pack(key, self._held, self._codec.compress(b"".join(self._open), asbytes=True)))
        self.slices += [Slice(digest, key, first, size) for digest, first, size in self._places]
        self._open, self._places, self._held = [], [], 0


def unpack(content: bytes) -> bytes:
    """Return the bytes of a pack, uncompressed. Raises ValueError for what is no pack, or unpacks to more than one."""
    try:
        with pa.CompressedInputStream(pa.BufferReader(content), "zstd") as stream:
            data: bytes = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise ValueError(str(error)) from error
    if len(data) > MOST_BYTES:
        raise ValueError(f"over {MOST_BYTES:,} bytes")
    return data


def repack(content: bytes, slices: list[Slice]) -> Iterator[tuple[Pack, list[Slice]]]:
    """Yield a new pack of some slices of an old one, and where they lie in it; nothing where there is no slice."""
    data, packer = unpack(content), Packer()
    for slice_ in slices:
        packer.add(slice_.byte_digest, data[slice_.first : slice_.first + slice_.byte_count])
    packer.close()
    for pack in packer.packs:
        yield pack, [slice_ for slice_ in packer.slices if slice_.pack_id == pack.pack_id]
