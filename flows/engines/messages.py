"""Messages between the pool and its reading processes: a length in eight bytes, then that many bytes."""

from typing import IO


def send(target: IO[bytes], message: bytes) -> None:
    """Write one message. Raises OSError where nobody reads any more."""
    target.write(len(message).to_bytes(8, "big"))
    target.write(message)
    target.flush()


def receive(source: IO[bytes]) -> bytes | None:
    """Read one message; None where the stream ends before it is whole."""
    head = source.read(8)
    if len(head) < 8:
        return None
    size = int.from_bytes(head, "big")
    message = source.read(size)
    return message if len(message) == size else None
