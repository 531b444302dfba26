"""Surrogate keys that need no coordination.

A sequence would make a key depend on the order in which rows arrive, so that a rebuild gives other keys than the
increments did. A hash of the natural key is the same on every machine and in every order. Sixty-three bits keep it a
positive BIGINT, which every driver reads; a collision is not repaired but found by an audit (DESIGN section 4).
"""

from hashlib import sha256

SEPARATOR = "\0"


def surrogate_key(*parts: str) -> int:
    """Return the positive 63-bit key of a natural key.

    In: the parts of the natural key, joined by NUL. Out: the first 8 bytes, big-endian, of SHA-256 over the UTF-8
    text, shifted right by one. Raises UnicodeEncodeError where a part holds a lone surrogate.
    """
    return key_of_digest(sha256(SEPARATOR.join(parts).encode()).digest())


def key_of_digest(digest: bytes) -> int:
    """Return the key that a SHA-256 digest gives: its first 8 bytes, big-endian, shifted right by one."""
    return int.from_bytes(digest[:8], "big") >> 1
