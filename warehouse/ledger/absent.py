"""Sources that are not as they were: one that had documents and shows none, one that came under another name.

An empty mount point looks like a publisher who took everything down. A folder given under a new name looks like a
second source, as the name is the identity. Both are asked only of the few sources for which it can be so.
"""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from warehouse.sql_files import read_sql, run_script


def vanished(
    connection: duckdb.DuckDBPyConnection, empty: Sequence[str], unlistable: Sequence[tuple[str, str]]
) -> list[tuple[str, int]]:
    """Return the sources that had documents, and how many, of those that show none.

    In: the names of sources in which nothing was found; the folders, by source, of which nothing is known (those are
    not counted).
    """
    if not empty:
        return []
    run_script(connection, "ledger", "document_there")
    names = [source for source, _ in unlistable]
    prefixes = [f"{folder}/" if folder else "" for _, folder in unlistable]
    rows = connection.execute(
        read_sql("ledger", "vanished"), {"sources": list(empty), "names": names, "prefixes": prefixes}
    ).fetchall()
    return [(str(source), int(count)) for source, count in rows]


def renamed(connection: duckdb.DuckDBPyConnection, given: Sequence[str], files: pa.Table) -> list[tuple[str, str, int]]:
    """Return (old name, new name, count) where a source that is new holds mostly paths of one that was not given.

    In: the sources that are given, and the files found in them (schemas.batches.FILES).
    """
    known = {str(row[0]) for row in connection.execute("select distinct source from ledger.document").fetchall()}
    if not known - set(given) or not set(given) - known:
        return []
    run_script(connection, "ledger", "document_there")
    connection.register("absent_file", files)
    rows = connection.execute(read_sql("ledger", "renamed"), {"given": list(given)}).fetchall()
    connection.unregister("absent_file")
    return [(str(old), str(new), int(count)) for old, new, count in rows]
