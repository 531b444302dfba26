"""Recording folders into a ledger in memory and building from it: a run without locks, links and state.

Only the order of the steps is repeated here; each step is the real one.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from flows.reading.read import read_batch
from flows.sources.scan import FileRef, Source, scan
from warehouse.ledger import record
from warehouse.ledger.feed import Feed
from warehouse.ledger.intake import take_in
from warehouse.ledger.opening import transaction
from warehouse.ledger.record import Balance
from warehouse.release import ops
from warehouse.release.build import Built, deduplicate, load
from warehouse.release.fingerprint import fingerprint_tables

# Long after any mtime of the tests, so that metadata may be trusted.
SCANNED_AT_NS = 4 * 10**18


def observe(*folders: Path | Source, read_all: bool = False) -> record.Observation:
    """Scan sources; a folder is one with the folder's name."""
    sources = tuple(source_of(folder) for folder in folders)
    found = scan(sources)
    return record.Observation(
        files=found.files,
        sources=[source.name for source in sources],
        unlistable=[(one.source, one.folder) for one in found.unlistable],
        unnameable=[(one.source, one.path) for one in found.skipped if one.reason == "bad_name"],
        read_all=read_all,
    )


def source_of(folder: Path | Source) -> Source:
    """Return the source that a folder is."""
    return folder if isinstance(folder, Source) else Source(folder.name, str(folder))


def references_of(folders: Sequence[Path | Source], table: pa.Table) -> list[FileRef]:
    """Return references to the files that `compare` wants read."""
    roots = {source.name: source.root for source in map(source_of, folders)}
    rows = table.drop_columns(["document_id"]).to_pylist()
    return [FileRef(location=f"{roots[row['source']]}/{row['path']}", **row) for row in rows]


def record_folders(
    connection: duckdb.DuckDBPyConnection,
    as_of: datetime,
    *folders: Path | Source,
    batch_size: int = 100,
    read_all: bool = False,
    backwards: bool = False,
) -> Balance:
    """Record what folders hold, in batches of this size, given in this order."""
    with transaction(connection), Feed(connection) as feed:
        table = record.compare(connection, observe(*folders, read_all=read_all))
        refs = references_of(folders, table)
        starts = list(range(0, len(refs), batch_size))
        for first in reversed(starts) if backwards else starts:
            take_in(feed, read_batch(refs[first : first + batch_size], as_of, None, first), table, as_of)
        return record.append_events(connection, as_of, SCANNED_AT_NS)


def build(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> Built:
    """Build a release as of a time into the empty catalog `news`, in the place of what it held."""
    connection.execute("use ledger")
    connection.execute("detach news")
    connection.execute("attach ':memory:' as news")
    try:
        deduplicate(connection, as_of)
        return load(connection, as_of, "release", lambda _: ops.fill_ops(connection, 100, as_of))
    finally:
        connection.execute("use ledger")


def digests(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> dict[str, tuple[int, str]]:
    """Build as of a time and return row count and digest of each table."""
    build(connection, as_of)
    return {one.table: (one.row_count, one.digest) for one in fingerprint_tables(connection, "news")}
