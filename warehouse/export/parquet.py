"""A release's tables as Parquet files.

Rows are copied in the order in which the release holds them, table after table and month after month, each by one
streaming COPY: no sort, and no more than a few row groups in memory however large a table is. Months are folders named
`month=2021-04`, as Hive's partitions are; rows without a date have `month=unknown`. Rejected: COPY's own PARTITION_BY,
which holds a row group for every month at once and does not keep the order of rows.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb

from schemas.errors import RunFailed
from warehouse.db import named, quoted
from warehouse.explain import explain
from warehouse.export.contents import Contents, Record
from warehouse.export.place import FAILED
from warehouse.refusals import refusing
from warehouse.sql_files import read_sql

# Tables that have files by month; warehouse/sql/export says of each which month a row belongs to.
BY_MONTH = ("main.fact_mention", "main.article_history", "main.mention_history")
UNKNOWN_MONTH = "unknown"
# DuckDB's own size; readers skip by row group, and a writer holds one for each thread.
ROW_GROUP_ROWS = 122_880


def write_tables(
    connection: duckdb.DuckDBPyConnection, contents: Contents, staged: Path, keep: Callable[[str], Record]
) -> Record:
    """Write every table below a folder, handing each file to `keep`; return what the manifest tells of them.

    Raises RunFailed where a row is missing.
    """
    tables = []
    for table in contents.tables:
        written = write_table(connection, contents.release, table, staged)
        files = [{**keep(relative), **told} for relative, told in written]
        row_count = sum(file["row_count"] for file in files)
        ((expected,),) = connection.execute(f"select count(*) from {table['schema']}.{named(table['name'])}").fetchall()
        if row_count != expected:
            where = f"{table['name']}: {row_count} of {expected}"
            raise RunFailed("rows are missing in the export", where=where)
        key = {"primary_key": table["primary_key"]}
        if table["full_name"] in BY_MONTH:
            key["partitioned_by"] = "month"
        tables.append({**_described(table), **key, "row_count": row_count, "files": files})
    return {"tables": tables, "views": [_described(view) | {"sql": view["sql"]} for view in contents.views]}


def _described(relation: Record) -> Record:
    return {name: relation[name] for name in ("schema", "name", "comment", "columns")}


def write_table(
    connection: duckdb.DuckDBPyConnection, release: Record, table: Record, staged: Path
) -> Iterator[tuple[str, Record]]:
    """Write one table's files below a folder; yield path, and row count and month (where it is by month) of each.

    A table without rows has one file all the same, so that a reader finds its columns. Raises RunFailed.
    """
    base = table["name"] if table["schema"] == "main" else table["full_name"]
    # A file that is passed on alone still says what it is.
    notes = {
        "newsmart.table": table["full_name"],
        "newsmart.release_id": release["release_id"],
        "newsmart.fingerprint": release["fingerprint"],
        "newsmart.comment": table["comment"],
    }
    metadata = ", ".join(f"{quoted(name)}: {quoted(value)}" for name, value in notes.items())
    options = f"format parquet, compression zstd, row_group_size {ROW_GROUP_ROWS}, kv_metadata {{{metadata}}}"
    if table["full_name"] not in BY_MONTH:
        relative, rows = f"{base}/part-0.parquet", f"from {table['schema']}.{named(table['name'])}"
        yield relative, {"row_count": _copy(connection, rows, staged / relative, options)}
        return
    select = read_sql("export", table["name"])
    found = connection.execute(f"select distinct month_number from ({select}) order by all nulls last").fetchall()
    for number in [row[0] for row in found] or [None]:
        month = UNKNOWN_MONTH if number is None else f"{number // 100:04d}-{number % 100:02d}"
        relative = f"{base}/month={month}/part-0.parquet"
        of_month = "null" if number is None else str(int(number))
        rows = f"select * exclude (month_number) from ({select}) where month_number is not distinct from {of_month}"
        yield relative, {"row_count": _copy(connection, rows, staged / relative, options), "month": month}


def _copy(connection: duckdb.DuckDBPyConnection, rows: str, file: Path, options: str) -> int:
    try:
        with refusing(FAILED, file):
            file.parent.mkdir(parents=True, exist_ok=True)
            ((count,),) = connection.execute(f"copy ({rows}) to {quoted(str(file))} ({options})").fetchall()
    except duckdb.IOException as error:
        text = " ".join(str(error).split())[:200]
        raise explain(error, file, is_ledger=False) or RunFailed(FAILED, where=text) from error
    return int(count)
