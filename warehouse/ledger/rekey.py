"""Making anew what newer rules or a newer URL policy say of values that the ledger holds already."""

import duckdb
import pyarrow as pa

from schemas.hosts import host_of
from schemas.urls import facts
from warehouse.ledger.opening import note_rewritten_past

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
