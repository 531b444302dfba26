"""Putting new readings of the bytes that are kept, and of hosts and URLs, in the place of the old ones.

All readings are gathered in scratch tables first, and take the places of the old ones at the end, a statement a table.
Replacing them batch by batch passed over the whole ledger for each batch, which grew with the square.
"""

from datetime import datetime

import duckdb
import pyarrow as pa

from schemas.batches import ReadBatch
from schemas.hosts import host_of
from schemas.urls import facts
from warehouse.ledger.feed import Feed
from warehouse.ledger.intake import with_accepted_digest
from warehouse.ledger.opening import note_rewritten_past
from warehouse.ledger.tombstones import withhold
from warehouse.sql_files import read_sql, run_script


def make_scratch(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the scratch tables, empty."""
    run_script(connection, "ledger", "reread_scratch")


def gather(feed: Feed, batch: ReadBatch, identities: pa.Table, as_of: datetime) -> None:
    """Keep what a batch of bytes says that were kept at an as-of; `identities` has a row a reference.

    Bytes that the rules no longer accept keep their old reading: a version that was published stays in the history. Not
    so a document whose own article was taken down, as only newer rules may know: its version says nothing of it now.
    """
    connection = feed.connection
    documents = with_accepted_digest(batch, identities)
    feed.give({**batch._asdict(), "documents": documents})
    if withhold(feed):
        feed.give({"documents": documents})
    for name in ("new_content_entry", "new_content", "new_entry", "new_url"):
        connection.execute(read_sql("ledger", name).replace("ledger.", "temp.reread_"))
    run_script(connection, "ledger", "gather_reread", {"as_of": as_of})


def replace(connection: duckdb.DuckDBPyConnection, as_of: datetime) -> None:
    """Put what was gathered in the place of the old readings, and drop what no version holds any more.

    `as_of` is that of the run, at which new notices are first seen.
    """
    for name in ("replace_readings", "drop_unused", "replace_notices"):
        run_script(connection, "ledger", name, {"as_of": as_of})


_FACTS = ("url_raw", "url_key", "loose_key", "registrable_domain", "is_front_page", "is_amp", "display_url")


def renew_hosts(connection: duckdb.DuckDBPyConnection) -> None:
    """Take the host of every provider domain anew, also in versions whose bytes are no longer kept."""
    rows = connection.execute("select distinct provider_domain from ledger.entry").fetchall()
    hosts = [(domain, host_of(domain)) for (domain,) in rows if domain is not None]
    stale = [(domain, host) for domain, host in hosts if domain != host]
    connection.register("rehosted", pa.table({"domain": [row[0] for row in stale], "host": [row[1] for row in stale]}))
    connection.execute(
        "update ledger.entry set provider_domain = host from rehosted where provider_domain = rehosted.domain"
    )
    connection.unregister("rehosted")


def renew_keys(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the key of every spelling anew; one that the policy takes for no URL any more keeps what it had."""
    spellings = [str(row[0]) for row in connection.execute("select url_raw from ledger.url").fetchall()]
    made = [known for known in map(facts, spellings) if known is not None]
    columns = zip(*made, strict=True) if made else [[] for _ in _FACTS]
    connection.register("rekeyed", pa.table(dict(zip(_FACTS, map(list, columns), strict=True))))
    connection.execute("delete from ledger.url where url_raw in (select url_raw from rekeyed)")
    connection.execute("insert into ledger.url by name select * from rekeyed")
    connection.unregister("rekeyed")
    note_rewritten_past(connection)
