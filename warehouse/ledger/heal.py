"""Mending what an earlier newsmart did wrong to a ledger: each document once.

Two files could have one path, one as its name and one as the escaped form of a name that is no text. Both were
recorded, and each later run doubled their rows, so that no release could be built any more. Names are told apart now
(flows/sources/walk.py), but a ledger with such rows must not stay unusable. The doubled rows stand in the balance of
those runs too, which would not be audited as right again. Not a migration: no format has changed, and the check costs a
few milliseconds.
"""

import duckdb

from warehouse.ledger.opening import note_rewritten_past
from warehouse.sql_files import run_script


def keep_each_document_once(connection: duckdb.DuckDBPyConnection) -> None:
    """Remove the rows of documents that were recorded twice; nearly always there are none."""
    keys = "select count(*) > count(distinct document_key) from ledger.document"
    if connection.execute(keys).fetchall() != [(True,)]:
        return
    run_script(connection, "ledger", "heal_documents")
    note_rewritten_past(connection)
