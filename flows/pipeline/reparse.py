"""Reading the kept bytes of every version again, when the rules have changed or when asked to.

The bytes go the same way as any file: they are laid out in a private folder, a batch at a time, and read by the same
function, so that a second reading of YAML can never drift from the first. Each as-of is read by itself, since the
bounds of dates hang on it: the same bytes can say more at a later one.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path

import duckdb
import pyarrow as pa

from flows.engines.readers import LocalReaders
from flows.sources.scan import FileRef
from schemas.batches import RULES_VERSION
from schemas.file_state import file_state
from schemas.hosts import host_of
from schemas.urls import POLICY_VERSION, facts
from warehouse.db import spill_folder
from warehouse.home import Home
from warehouse.ledger import reread
from warehouse.ledger.feed import Feed
from warehouse.ledger.opening import bump_change_number, get_meta, set_meta, transaction
from warehouse.ledger.packs import kept_bytes

BATCH_DOCUMENTS = 1_000

Kept = tuple[bytes, datetime, str, int]

_KEPT = """
    select event.byte_digest, event.as_of, min(document.path) as path, any_value(raw.byte_count) as byte_count
    from ledger.event as event
    inner join ledger.raw as raw on raw.byte_digest = event.byte_digest
    inner join ledger.document as document on document.document_id = event.document_id
    group by event.byte_digest, event.as_of
    order by event.as_of, any_value(raw.pack_id), any_value(raw.first)
"""


def bring_up_to_date(
    connection: duckdb.DuckDBPyConnection, home: Home, readers: LocalReaders, as_of: datetime, *, reparse: bool
) -> None:
    """Read all kept bytes again and make all URL keys anew, as far as rules or policy are newer, or where asked to.

    `as_of` is the run's.
    """
    is_new = connection.execute("select count(*) from ledger.run").fetchone() == (0,)
    old_rules = int(get_meta(connection, "rules_version", str(RULES_VERSION)))
    old_policy = int(get_meta(connection, "policy_version", str(POLICY_VERSION)))
    with transaction(connection):
        if not is_new and (reparse or old_rules != RULES_VERSION):
            _read_again(connection, home, readers, as_of)
            _host_again(connection)
        if not is_new and (reparse or old_policy != POLICY_VERSION):
            _key_again(connection)
        set_meta(connection, "rules_version", str(RULES_VERSION))
        set_meta(connection, "policy_version", str(POLICY_VERSION))


def _read_again(connection: duckdb.DuckDBPyConnection, home: Home, readers: LocalReaders, run_as_of: datetime) -> None:
    kept: list[Kept] = connection.execute(_KEPT).fetchall()
    # What is begun now reads all batches, and remembers what it read.
    readers.expect(len(kept), sum(size for *_, size in kept))
    reread.begin(connection)
    with Feed(connection) as feed:
        for as_of, group in groupby(kept, key=lambda row: row[1]):
            rows = list(group)
            for start in range(0, len(rows), BATCH_DOCUMENTS):
                _read_batch_again(feed, home, rows[start : start + BATCH_DOCUMENTS], as_of, readers)
    reread.replace(connection, run_as_of)
    bump_change_number(connection)


def _read_batch_again(feed: Feed, home: Home, rows: list[Kept], as_of: datetime, readers: LocalReaders) -> None:
    with spill_folder(home.temp) as folder:
        references, identities = list(_lay_out(feed.connection, folder, rows)), _identities(rows)
        for batch in readers.read_all(references, as_of):
            reread.gather(feed, batch, identities, as_of)


def _lay_out(connection: duckdb.DuckDBPyConnection, folder: Path, rows: list[Kept]) -> Iterator[FileRef]:
    for digest, data in kept_bytes(connection, [digest for digest, *_ in rows]):
        (folder / digest.hex()).write_bytes(data)
    for digest, _, path, _ in rows:
        file = folder / digest.hex()
        yield FileRef("", path, str(file), *file_state(file.stat()))


def _identities(rows: list[Kept]) -> pa.Table:
    return pa.table(
        {
            "document_id": pa.array([None] * len(rows), pa.int64()),
            "source": pa.array([""] * len(rows), pa.string()),
            "path": pa.array([path for _, _, path, _ in rows], pa.string()),
        }
    )


def _host_again(connection: duckdb.DuckDBPyConnection) -> None:
    """Take the host of every provider domain anew, also in versions whose bytes are no longer kept."""
    rows = connection.execute("select distinct provider_domain from ledger.entry").fetchall()
    hosts = [(domain, host_of(domain)) for (domain,) in rows if domain is not None]
    stale = [(domain, host) for domain, host in hosts if domain != host]
    connection.register("rehosted", pa.table({"domain": [row[0] for row in stale], "host": [row[1] for row in stale]}))
    connection.execute(
        "update ledger.entry set provider_domain = host from rehosted where provider_domain = rehosted.domain"
    )
    connection.unregister("rehosted")


def _key_again(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the key of every spelling anew; one that the policy takes for no URL any more keeps what it had."""
    spellings = [str(row[0]) for row in connection.execute("select url_raw from ledger.url").fetchall()]
    made = [known for known in map(facts, spellings) if known is not None]
    columns = zip(*made, strict=True) if made else [[] for _ in range(7)]
    names = ("url_raw", "url_key", "loose_key", "registrable_domain", "is_front_page", "is_amp", "display_url")
    connection.register("rekeyed", pa.table(dict(zip(names, map(list, columns), strict=True))))
    connection.execute("delete from ledger.url where url_raw in (select url_raw from rekeyed)")
    connection.execute("insert into ledger.url by name select * from rekeyed")
    connection.unregister("rekeyed")
    bump_change_number(connection)
