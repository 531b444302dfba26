"""What an incremental release has to look at: the catalog `base`, which all transforms read.

In a whole build `base` is views on the ledger. In an increment it holds small tables with the part of the ledger that
can bear on the rows that change; each is one SELECT in warehouse/sql/scope. What is recorded up to a release's as-of
does not change any more, and articles only grow together, but for aliases that turn out to be shared. So the URLs of
the changed documents are followed, and the articles that they bring together or part, until nothing is added.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

import duckdb

from warehouse.parallel import run_steps
from warehouse.release.work import identity_steps
from warehouse.sql_files import execute_named, read_sql

# Above this share of the base's articles a whole build is hardly slower.
LARGEST_SHARE = 0.2

_TOUCHED = ("changed_document", "touched_entry", "touched", "touched_url", "touched_image", "touched_topic")
_LOADED = (
    "alias",
    "provider",
    "weighed_entry",
    "redone_entry",
    "described_entry",
    "remote_entry",
    "content_entry",
    "event",
    "document",
    "entry",
    "url",
    "owner",
)
_AT_THE_END = ("unchanged_document", "scope_article", "spelling", "calendar", "listed_mention", "notice")

_GROWING = """
    create or replace table base.key as select distinct own_key from base.touched_url;
    create or replace table base.redone_document as select document_id from base.changed_document;
    create or replace table base.domain as
    select distinct provider_domain from base.touched where provider_domain is not null;
"""


class TooLarge(Exception):
    """So much changes that a whole build is hardly slower."""


def lay_out_scope(connection: duckdb.DuckDBPyConnection, base_as_of: datetime, as_of: datetime) -> None:
    """Fill `base` with the scope of an increment, and settle in `work` which URLs are one article there.

    In: a connection to which the release to start from is attached as `previous`; its as-of, and that of the one to
    make. Raises TooLarge.
    """
    as_ofs = {"base_as_of": base_as_of, "as_of": as_of}
    connection.execute("detach database if exists base")
    connection.execute("attach ':memory:' as base")
    connection.execute(f"insert into ledger.entry_key by name {read_sql('scope', 'entry_key')}")
    _make(connection, _TOUCHED, as_ofs)
    connection.execute(_GROWING)
    while True:
        # Every key that an article of the scope owns in the base.
        _make(connection, ("article",), as_ofs)
        connection.execute(f"insert into base.key {read_sql('scope', 'owned_key')}")
        _make(connection, _LOADED, as_ofs)
        _check_size(connection)
        run_steps(connection, "ledger", identity_steps(as_of))
        if not _grow(connection, as_ofs):
            break
    _make(connection, _AT_THE_END, as_ofs)


def _make(connection: duckdb.DuckDBPyConnection, names: Sequence[str], as_ofs: Mapping[str, datetime]) -> None:
    for name in names:
        execute_named(connection, f"create or replace table base.{name} as {read_sql('scope', name)}", as_ofs)


def _grow(connection: duckdb.DuckDBPyConnection, as_ofs: Mapping[str, datetime]) -> bool:
    """Take in what has to join the scope; tell whether there was anything."""
    _make(connection, ("moved_entry", "moved_document"), as_ofs)
    counts = [
        connection.execute(statement).fetchone()
        for statement in (
            f"insert into base.key {read_sql('scope', 'grown_key')}",
            f"insert into base.key {read_sql('scope', 'root_key')}",
            "insert into base.redone_document from base.moved_document",
            "insert into base.domain select distinct provider_domain from base.moved_entry where "
            "provider_domain is not null and provider_domain not in (select provider_domain from base.domain)",
        )
    ]
    return any(count is not None and count[0] for count in counts)


def _check_size(connection: duckdb.DuckDBPyConnection) -> None:
    sizes = "select (select count(*) from base.article), (select count(*) from previous.main.dim_article)"
    ((some, of_all),) = connection.execute(sizes).fetchall()
    if some > LARGEST_SHARE * of_all:
        raise TooLarge
