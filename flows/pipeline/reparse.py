"""Reading the kept bytes of every version again, when the rules have changed or when asked to.

The bytes go the same way as any file's, a batch at a time, so that a second reading of YAML can never drift from the
first. Each as-of is read by itself, since the bounds of dates hang on it: the same bytes can say more at a later one.
"""

from datetime import datetime
from itertools import groupby

import duckdb
import pyarrow as pa

from flows.pipeline.request import RunRequest
from flows.readers.cutting import Span, batches
from flows.readers.local import LocalReaders
from flows.sources.scan import FileRef
from warehouse.ledger import reread
from warehouse.ledger.feed import Feed
from warehouse.ledger.opening import get_meta, ledger_transaction, note_rewritten_past, set_meta
from warehouse.ledger.packs import kept_bytes
from warehouse.ledger.reread import renew_hosts, renew_keys
from warehouse.release import build
from warehouse.sql_files import read_sql


def bring_up_to_date(connection: duckdb.DuckDBPyConnection, request: RunRequest, as_of: datetime) -> None:
    """Read all kept bytes again and make all URL keys anew, as far as rules or policy are newer, or where asked to."""
    is_new = connection.execute("select count(*) from ledger.run").fetchone() == (0,)
    other = other_versions(connection)
    with ledger_transaction(connection):
        if not is_new and (request.reparse or "rules_version" in other):
            with LocalReaders(request.processes) as readers:  # also beside a cluster: the bytes are here
                _read_again(connection, readers, as_of)
            renew_hosts(connection)
        if not is_new and (request.reparse or "policy_version" in other):
            renew_keys(connection)
        for name, version in _versions().items():
            set_meta(connection, name, version)


def other_versions(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return which versions the ledger was filled under that are not today's: `rules_version`, `policy_version`."""
    return {name for name, version in _versions().items() if get_meta(connection, name, version) != version}


def _versions() -> dict[str, str]:
    return {"rules_version": str(build.VERSIONS.rules), "policy_version": str(build.VERSIONS.policy)}


def _read_again(connection: duckdb.DuckDBPyConnection, readers: LocalReaders, run_as_of: datetime) -> None:
    kept: list[tuple[bytes, datetime, str, int]] = connection.execute(read_sql("ledger", "kept")).fetchall()
    readers.expect(len(kept), sum(size for *_, size in kept))
    reread.make_scratch(connection)
    with Feed(connection) as feed:
        for as_of, group in groupby(kept, key=lambda row: row[1]):
            rows = list(group)
            for first, last in batches([size for *_, size in rows], Span(0, len(rows))):
                here = rows[first:last]
                data = dict(kept_bytes(connection, [digest for digest, *_ in here]))
                references = [FileRef("", path, "", size, 0, 0, 0, data=data[digest]) for digest, _, path, size in here]
                identities = pa.table(
                    {
                        "document_id": pa.nulls(len(here), pa.int64()),
                        "source": pa.repeat("", len(here)),
                        "path": pa.array([path for _, _, path, _ in here], pa.string()),
                    }
                )
                for batch in readers.read_all(references, as_of):
                    reread.gather(feed, batch, identities, as_of)
    reread.replace(connection, run_as_of)
    note_rewritten_past(connection)
