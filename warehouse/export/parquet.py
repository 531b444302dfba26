"""Writes the current release as Parquet: a folder of files for each export, then the manifest.

Rows are copied in the order in which the release holds them, table after table and month after month, each by one
streaming COPY: no sort, and no more than a few row groups in memory however large a table is. Months are folders named
`month=2021-04`, as Hive's partitions are; rows without a date have `month=unknown`. Rejected: COPY's own PARTITION_BY,
which holds a row group for every month at once and does not keep the order of rows.

A crash leaves a folder that no manifest names; the next export removes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from schemas.errors import RunFailed
from warehouse.db import Limits, named, quoted, release_connection
from warehouse.durable import sha256_of
from warehouse.explain import explain
from warehouse.export.contents import Contents, Relation, read_contents
from warehouse.export.manifest import (
    CONTRACT,
    ContractFile,
    ExportFile,
    Manifest,
    TableFiles,
    make_manifest,
    new_folder,
    to_bytes,
)
from warehouse.export.place import Place
from warehouse.refusals import refused
from warehouse.sql_files import read_sql

# Tables whose files are told apart by month; warehouse/sql/export says of each which month a row belongs to.
BY_MONTH = ("main.fact_mention", "main.article_history", "main.mention_history")
UNKNOWN_MONTH = "unknown"
# DuckDB's own size; readers skip by row group, and a writer holds one for each thread.
ROW_GROUP_ROWS = 122_880


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export did. `is_new` is False where the release was there already: nothing was written then."""

    contents: Contents
    is_new: bool
    folder: str
    row_count: int
    file_count: int
    total_bytes: int
    removed: tuple[str, ...]


def export_parquet(release: Path, place: Place, *, keep: int, limits: Limits, spill_parent: Path) -> Exported:
    """Export the release that the file shows, and keep the last `keep` exports.

    Raises LockedError where another export writes there, UsageError where the place is not ours, RunFailed where a file
    cannot be written or does not hold what the release does; the manifest that was there stays then.
    """
    with place.held(), release_connection(release, spill_parent=spill_parent, limits=limits) as connection:
        contents = read_contents(connection)
        former = place.read()
        removed = _sweep(place, former)
        if former is not None and _is_there(place, former, contents):
            return _told(contents, former, False, removed)
        manifest = _export(connection, contents, place, former, keep)
        return _told(contents, manifest, True, removed + _sweep(place, manifest))


def _sweep(place: Place, manifest: Manifest | None) -> tuple[str, ...]:
    """Remove the folders that the manifest does not keep; return their names."""
    gone = place.leftovers(() if manifest is None else manifest.folders)
    for folder in gone:
        place.remove(folder)
    return tuple(gone)


def _is_there(place: Place, manifest: Manifest, contents: Contents) -> bool:
    """Return whether the manifest shows this release and all its files are there, in their sizes."""
    if (manifest.release_id, manifest.fingerprint) != (contents.release_id, contents.fingerprint):
        return False
    return dict(place.sizes(manifest.folders[0])) == manifest.sizes


def _export(
    connection: duckdb.DuckDBPyConnection, contents: Contents, place: Place, former: Manifest | None, keep: int
) -> Manifest:
    folder = new_folder(contents.release_id)
    try:
        with place.staged(folder) as staged:
            tables = [_export_table(connection, contents, table, place, folder, staged) for table in contents.tables]
            contract = None if contents.contract is None else _keep_contract(contents.contract, place, folder, staged)
    except BaseException:
        place.remove(folder)
        raise
    moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    tree = make_manifest(contents, folder, tables, contract, moment, former, keep)
    # Whether a switch that failed has taken place is not always known (a connection that broke after the request), so
    # its files are left: the next export removes them where no manifest names them.
    place.switch(to_bytes(tree))
    return Manifest(tree)


def _keep_contract(contract: str, place: Place, folder: str, staged: Path) -> ContractFile:
    """Write the contract as a file of its own, for programs that read contracts and not tables."""
    file = staged / CONTRACT
    try:
        file.write_text(contract, encoding="utf-8")
    except OSError as error:
        raise RunFailed("cannot write the export", where=f"{file}: {error.strerror}") from error
    kept = ContractFile(f"{folder}/{CONTRACT}", file.stat().st_size, sha256_of(file))
    place.keep(folder, file, CONTRACT)
    return kept


def _export_table(
    connection: duckdb.DuckDBPyConnection,
    contents: Contents,
    table: Relation,
    place: Place,
    folder: str,
    staged: Path,
) -> TableFiles:
    """Write one table's files and hand each to the place. Raises RunFailed where a row is missing."""
    files = []
    for relative, row_count, month in write_table(connection, contents, table, staged):
        file = staged / relative
        kept = ExportFile(f"{folder}/{relative}", row_count, file.stat().st_size, sha256_of(file), month)
        place.keep(folder, file, relative)
        files.append(kept)
    written = TableFiles(table, tuple(files))
    row = connection.execute(f"select count(*) from {table.schema}.{named(table.name)}").fetchone()
    expected = 0 if row is None else int(row[0])
    if written.row_count != expected:
        raise RunFailed("rows are missing in the export", where=f"{table.name}: {written.row_count} of {expected}")
    return written


def write_table(
    connection: duckdb.DuckDBPyConnection, contents: Contents, table: Relation, staged: Path
) -> Iterator[tuple[str, int, str | None]]:
    """Write one table's files below a folder; yield path, row count and month (None: not by month) of each.

    A table without rows has one file all the same, so that a reader finds its columns. Raises RunFailed.
    """
    base = table.name if table.schema == "main" else table.qualified_name
    options = _options(contents, table)
    if table.qualified_name not in BY_MONTH:
        relative = f"{base}/part-0.parquet"
        yield relative, _copy(connection, f"from {table.schema}.{named(table.name)}", staged / relative, options), None
        return
    select = read_sql("export", table.name)
    found = connection.execute(f"select distinct month_number from ({select}) order by all nulls last").fetchall()
    for number in [row[0] for row in found] or [None]:
        month = UNKNOWN_MONTH if number is None else f"{number // 100:04d}-{number % 100:02d}"
        relative = f"{base}/month={month}/part-0.parquet"
        of_month = "null" if number is None else str(int(number))
        rows = f"select * exclude (month_number) from ({select}) where month_number is not distinct from {of_month}"
        yield relative, _copy(connection, rows, staged / relative, options), month


def _options(contents: Contents, table: Relation) -> str:
    """Return COPY's options; a file that is passed on alone still says what it is."""
    notes = {
        "newsmart.table": table.qualified_name,
        "newsmart.release_id": contents.release_id,
        "newsmart.fingerprint": contents.fingerprint,
        "newsmart.comment": table.comment,
    }
    told = ", ".join(f"{quoted(name)}: {quoted(value)}" for name, value in notes.items())
    return f"format parquet, compression zstd, row_group_size {ROW_GROUP_ROWS}, kv_metadata {{{told}}}"


def _copy(connection: duckdb.DuckDBPyConnection, rows: str, file: Path, options: str) -> int:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        row = connection.execute(f"copy ({rows}) to {quoted(str(file))} ({options})").fetchone()
    except OSError as error:
        raise refused("cannot write the export", file, error) from error
    except duckdb.IOException as error:
        text = " ".join(str(error).split())[:200]
        raise explain(error, file, is_ledger=False) or RunFailed("cannot write the export", where=text) from error
    return 0 if row is None else int(row[0])


def _told(contents: Contents, manifest: Manifest, is_new: bool, removed: tuple[str, ...]) -> Exported:
    sizes = manifest.sizes
    row_count = sum(int(table["row_count"]) for table in manifest.tree["tables"])
    return Exported(contents, is_new, manifest.folders[0], row_count, len(sizes), sum(sizes.values()), removed)
