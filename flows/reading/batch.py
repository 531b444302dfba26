"""The tables of a batch, and their way across a process border.

Between processes a batch travels as Arrow IPC streams: bytes that the other side reads in place. Pickled Python
objects would cost more than reading the documents did.
"""

from collections.abc import Sequence

import pyarrow as pa

from schemas.batches import Batch


class ReadBatch(Batch):
    """A batch that can be sent to another process."""

    def to_streams(self) -> list[bytes]:
        """Return each table as an Arrow IPC stream."""
        return [_to_stream(table) for table in self]

    @classmethod
    def from_streams(cls, streams: Sequence[bytes]) -> "ReadBatch":
        """Return the batch that `to_streams` told of; the tables point into the bytes given."""
        return cls(*(pa.ipc.open_stream(stream).read_all() for stream in streams))


def _to_stream(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
