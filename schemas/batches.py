"""The tables of a batch of read documents, as Arrow schemas. flows fills them and the warehouse loads them.

That of the entries is made from the models (schemas/documents.py: ENTRIES). It is not here, because what takes batches
in needs neither the models nor Pydantic, which takes long to import.

Arrow and not Python objects, because a batch crosses to another process and then enters DuckDB, and Arrow does both
without a copy of each value. Keys, digests and typed values are made where a document is read; joins, ranking and
history are SQL and come later. Times are naive and mean UTC, as everywhere in the warehouse.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

RULES_VERSION = 3
"""The version of the rules that turn a document's bytes into these rows.

Raise it with any change to schemas/documents.py, hosts.py, text.py or the reading of YAML that can give other values
for the same bytes: the next run then reads every kept version again. The URL policy has a version of its own, in
schemas/urls.py, as keys can be made anew without the bytes.
"""

DIGEST = pa.binary(32)


def _schema(*fields: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(name, kind) for name, kind in fields])


# one row per file below a source whose name says that it is a document
FILES = _schema(
    ("source", pa.string()),
    ("path", pa.string()),
    ("size", pa.int64()),
    ("mtime_ns", pa.int64()),
    ("ctime_ns", pa.int64()),
    ("inode", pa.int64()),
)

# one row per reference of the batch, in order; outcome: same_bytes, touched, good, bad, vanished, unstable
DOCUMENTS = _schema(
    ("ref", pa.int32()),
    ("outcome", pa.string()),
    ("size", pa.int64()),
    ("mtime_ns", pa.int64()),
    ("ctime_ns", pa.int64()),
    ("inode", pa.int64()),
    ("byte_count", pa.int64()),
    ("byte_digest", DIGEST),
    ("content_digest", DIGEST),
)

# one row per distinct run of bytes of the batch's good and bad documents: where it lies in a pack (schemas/packs.py)
SLICES = _schema(("byte_digest", DIGEST), ("pack_id", pa.int64()), ("first", pa.int64()), ("byte_count", pa.int64()))

# one row per pack
PACKS = _schema(("pack_id", pa.int64()), ("byte_count", pa.int64()), ("bytes", pa.binary()))

# one row per accepted mention of a good document
MENTIONS = _schema(("ref", pa.int32()), ("position", pa.int32()), ("entry_id", pa.int64()))

# one row per distinct spelling among the four URL fields of the batch's entries
URLS = _schema(
    ("url_raw", pa.string()),
    ("url_key", pa.string()),
    ("loose_key", pa.string()),
    ("registrable_domain", pa.string()),
    ("is_front_page", pa.bool_()),
    ("is_amp", pa.bool_()),
    ("display_url", pa.string()),
)

# one row per problem; scope: document (not accepted), mention (that one set aside), url (that value set aside)
PROBLEMS = _schema(
    ("ref", pa.int32()),
    ("position", pa.int32()),
    ("scope", pa.string()),
    ("line", pa.int64()),
    ("column", pa.int64()),
    ("field", pa.string()),
    ("reason", pa.string()),
    ("expected", pa.string()),
    ("found", pa.string()),
)

# one row per distinct path of a field that no model knows, with the first reference that has it
DRIFT = _schema(("field", pa.string()), ("ref", pa.int32()))


class ReadBatch(NamedTuple):
    """What was read of one batch of documents. Between processes it travels as Arrow IPC streams.

    Pickled Python objects would cost more than reading the documents did; the other side reads a stream in place.
    """

    documents: pa.Table
    slices: pa.Table
    packs: pa.Table
    mentions: pa.Table
    entries: pa.Table
    urls: pa.Table
    problems: pa.Table
    drift: pa.Table

    def to_streams(self) -> list[pa.Buffer]:
        """Return each table as an Arrow IPC stream."""
        return [_to_stream(table) for table in self]

    @classmethod
    def from_streams(cls, streams: Sequence[bytes | pa.Buffer]) -> "ReadBatch":
        """Return the batch that `to_streams` made; the tables point into the bytes given."""
        return cls(*(pa.ipc.open_stream(stream).read_all() for stream in streams))


def _to_stream(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def key_of_digest(digest: bytes) -> int:
    """Return the key that a SHA-256 digest gives: its first 8 bytes, big-endian, shifted right by one.

    A hash and not a sequence: a key is the same on every machine and in every order of arrival. 63 bits keep it a
    positive BIGINT, which every driver reads; an audit finds a collision.
    """
    return int.from_bytes(digest[:8], "big") >> 1


def table_of_rows(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Return rows of Python values as a table. Raises pyarrow.ArrowInvalid where a value is not of its type."""
    arrays = [pa.array([row[place] for row in rows], field.type) for place, field in enumerate(schema)]
    return pa.Table.from_arrays(arrays, schema=schema)
