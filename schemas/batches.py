"""Arrow schemas of what the read step hands on.

The one home that both flows, which fills them, and warehouse, which loads them, can see.

Arrow and not Python objects, because a batch crosses a process border and then enters DuckDB, and Arrow does both
without a copy per value. Keys, digests and typed values are made where a document is read; joins, ranking and history
are SQL and come later. Times are naive and mean UTC, as everywhere in the warehouse.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

DIGEST = pa.binary(32)
TIMESTAMP = pa.timestamp("us")

IMAGE = pa.struct(
    [
        ("url", pa.string()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("is_cached", pa.bool_()),
        ("title", pa.string()),
        ("attribution", pa.string()),
    ]
)


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

# one row per distinct entry of the batch: what one mention says, whoever says it
ENTRIES = _schema(
    ("entry_id", pa.int64()),
    ("entry_digest", DIGEST),
    ("title", pa.string()),
    ("excerpt", pa.string()),
    ("category", pa.string()),
    ("content_type", pa.string()),
    ("locale", pa.string()),
    ("featured_content", pa.string()),
    ("published_at", TIMESTAMP),
    ("updated_at", TIMESTAMP),
    ("quality", pa.int64()),
    ("heat", pa.int64()),
    ("is_published", pa.bool_()),
    ("is_removed", pa.bool_()),
    ("provider_domain", pa.string()),
    ("provider_name", pa.string()),
    ("provider_logo_url", pa.string()),
    ("provider_authors", pa.list_(pa.string())),
    ("provider_images", pa.list_(IMAGE)),
    ("topics", pa.list_(pa.string())),
    ("images", pa.list_(IMAGE)),
    ("web_url", pa.string()),
    ("original_url", pa.string()),
    ("amp_url", pa.string()),
    ("amp_cache_url", pa.string()),
    ("title_flaw", pa.int8()),
    ("excerpt_flaw", pa.int8()),
    ("provider_name_flaw", pa.int8()),
    ("unknown", pa.string()),
)

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


class Batch(NamedTuple):
    """What is handed over of the documents read: a table of each of these schemas."""

    documents: pa.Table
    slices: pa.Table
    packs: pa.Table
    mentions: pa.Table
    entries: pa.Table
    urls: pa.Table
    problems: pa.Table
    drift: pa.Table


def table_of_columns(columns: Iterable[Iterable[Any]], schema: pa.Schema) -> pa.Table:
    """Return columns of Python values as a table. Raises pyarrow.ArrowInvalid where a value is not of its type."""
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


def table_of_rows(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.Table:
    """Return rows of Python values as a table. Raises pyarrow.ArrowInvalid where a value is not of its type."""
    return table_of_columns([[row[place] for row in rows] for place in range(len(schema))], schema)
