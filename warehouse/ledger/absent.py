"""Sources that are not as they were: one that had documents and shows none, one that came under another name.

An empty mount point looks like a publisher who took everything down. A folder given under a new name looks like a
second source, as the name is the identity. Both are asked only of the few sources for which it can be so.
"""

from collections.abc import Sequence

import duckdb
import pyarrow as pa

# There as far as the ledger knows: its last event is no removal, or it could not be accepted when it was last seen.
_THERE = """
    select document.source, document.path
    from ledger.document as document
    where
        document.document_id in (
            select document_id from ledger.event group by document_id having arg_max(content_id is not null, as_of)
        )
        or document.document_id in (select document_id from ledger.problem where cleared_at is null)
"""

_VANISHED = f"""
    with there as ({_THERE}),
    absent_folder as (select unnest($names::varchar[]) as source, unnest($prefixes::varchar[]) as prefix)
    select there.source, count(*)
    from there
    left join absent_folder on absent_folder.source = there.source and starts_with(there.path, absent_folder.prefix)
    where list_contains($sources::varchar[], there.source) and absent_folder.source is null
    group by there.source
    order by there.source
"""

_RENAMED = f"""
    with there as ({_THERE}),
    given as (select unnest($given::varchar[]) as source),
    -- Those that the ledger has never seen.
    fresh as (
        select absent_file.source, absent_file.path
        from absent_file
        where absent_file.source not in (select source from ledger.document)
    )
    select there.source, fresh.source, count(*)
    from there
    inner join fresh on fresh.path = there.path
    where there.source not in (select source from given)
    group by there.source, fresh.source
    having count(*) * 2 > (select count(*) from fresh as other where other.source = fresh.source)
    order by all
"""


def vanished(
    connection: duckdb.DuckDBPyConnection, empty: Sequence[str], unlistable: Sequence[tuple[str, str]]
) -> list[tuple[str, int]]:
    """Return the sources that had documents, and how many, of those that show none.

    In: the names of sources in which nothing was found; the folders, by source, of which nothing is known (those are
    not counted).
    """
    if not empty:
        return []
    names = [source for source, _ in unlistable]
    prefixes = [f"{folder}/" if folder else "" for _, folder in unlistable]
    rows = connection.execute(_VANISHED, {"sources": list(empty), "names": names, "prefixes": prefixes}).fetchall()
    return [(str(source), int(count)) for source, count in rows]


def renamed(connection: duckdb.DuckDBPyConnection, given: Sequence[str], files: pa.Table) -> list[tuple[str, str, int]]:
    """Return (old name, new name, count) where a source that is new holds mostly paths of one that was not given.

    In: the sources that are given, and the files found in them (schemas.batches.FILES).
    """
    known = {str(row[0]) for row in connection.execute("select distinct source from ledger.document").fetchall()}
    if not known - set(given) or not set(given) - known:
        return []
    connection.register("absent_file", files)
    rows = connection.execute(_RENAMED, {"given": list(given)}).fetchall()
    connection.unregister("absent_file")
    return [(str(old), str(new), int(count)) for old, new, count in rows]
