"""Writes a release into a DuckLake: a script of its own, run by an interpreter whose duckdb has the extension.

It imports duckdb and the standard library, nothing of newsmart, because the interpreter that runs it need not have
newsmart installed: DuckDB's extensions are built for one version of DuckDB, and DuckLake's lags behind.

    PYTHON -I ducklake_writer.py     the job as JSON on stdin; what came of it as JSON on stdout

The job holds no password: PostgreSQL's own ways (PGPASSWORD, .pgpass, a service) reach libpq through the environment.
When the process that gave the job dies, this one ends at once, and DuckLake's catalog takes the open transaction back.

Everything is one transaction, so a release is one snapshot: a reader sees the release before or this one. Rows are
compared, and only what differs is deleted and inserted: DuckLake's change feed then tells what a release changed, and a
small change costs a small file. Before the commit each table is hashed, in the release and in the lake, and must agree.
`ops.release` is made anew each time: two exports at once then drop one table, which DuckLake refuses to the second
(two that only insert would both be let in, and rows would stand twice).
"""

import importlib.util
import json
import os
import sys
import threading
import time
from typing import Any

import duckdb

Job = dict[str, Any]
Connection = duckdb.DuckDBPyConnection

SAFE_SETTINGS: dict[str, Any] = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "python_enable_replacements": False,
}
# The switch of a release: made anew in each export (see above).
MARK = "ops.release"


class Stop(Exception):
    """Ends the export: what kind of trouble it is, and DuckDB's words for it."""

    def __init__(self, kind: str, text: str) -> None:
        """In: one of extension, attach, foreign, taken, differs, failed; a line of text."""
        super().__init__(text)
        self.kind = kind


def main() -> int:
    """Do the job on stdin; print what came of it."""
    job = json.load(sys.stdin)
    threading.Thread(target=_end_with, args=[job["parent"]], daemon=True).start()
    try:
        outcome = export(job)
    except Stop as stop:
        outcome = {"error": stop.kind, "text": " ".join(str(stop).split())}
    except duckdb.Error as error:
        outcome = {"error": "failed", "text": " ".join(str(error).split())}
    sys.stdout.write(json.dumps(outcome))
    return 1 if "error" in outcome else 0


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def export(job: Job) -> dict[str, Any]:
    """Write the release into the lake. Out: is_new, snapshot_id, tables changed, rows deleted and inserted."""
    # The extension for PostgreSQL insists on a store of secrets; it gets an empty one instead of the user's.
    folders = {"temp_directory": job["spill"], "secret_directory": os.path.join(job["spill"], "secrets")}
    config = {**SAFE_SETTINGS, **folders, "memory_limit": job["memory"]}
    with duckdb.connect(":memory:", config=config) as connection:
        load_extensions(connection, job["extensions"])
        attach(connection, job)
        connection.execute("begin")
        outcome = refresh(connection, job)
        try:
            connection.execute("commit")
        except duckdb.Error as error:
            raise Stop("taken" if "conflict" in str(error) else "failed", str(error)) from error
        which = "last_committed" if outcome["is_new"] else "current"
        return {**outcome, "snapshot_id": _one(connection, f"select id from ducklake_{which}_snapshot('lake')")}


def load_extensions(connection: Connection, names: list[str]) -> None:
    """Load each extension from its wheel, else from where DuckDB keeps those that were installed; never download."""
    for name in names:
        file = _wheel_file(name)
        try:
            connection.execute(f"load {name if file is None else quoted(file)}")
        except duckdb.Error as error:
            raise Stop("extension", f"{name}, duckdb {duckdb.__version__}, {sys.executable}: {error}") from error


def _wheel_file(name: str) -> str | None:
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    for folder in [] if spec is None else spec.submodule_search_locations or []:
        file = os.path.join(folder, "extensions", f"v{duckdb.__version__}", f"{name}.duckdb_extension")
        if os.path.isfile(file):
            return file
    return None


def attach(connection: Connection, job: Job) -> None:
    """Attach the release as `news`, read-only, and the lake as `lake`; a lake that is not there is made."""
    # Without inlining, rows lie in Parquet files alone. Measured on five real releases (40,783 mentions) with DuckDB
    # 1.5.5: inlining up to 2,000 rows leaves 6 files instead of 94, but doubles the catalog (19 MB) and makes readers'
    # queries 1.3 to 2.2 times as dear. Sorted tables were 14 % larger, and five of six queries dearer.
    options = ["data_inlining_row_limit 0"]
    options += [] if job["data_path"] is None else [f"data_path {quoted(job['data_path'])}"]
    try:
        connection.execute(f"attach {quoted(job['release'])} as news (read_only)")
        connection.execute(f"attach {quoted('ducklake:' + job['catalog'])} as lake ({', '.join(options)})")
    except duckdb.Error as error:
        raise Stop("attach", str(error)) from error


def refresh(connection: Connection, job: Job) -> dict[str, Any]:
    """Make the lake show the release, inside the transaction that is open."""
    found = lake_columns(connection)
    if is_there(connection, found, job):
        return {"is_new": False, "changed": [], "deleted": 0, "inserted": 0}
    connection.execute('create schema if not exists lake."ops"')
    counts = {table["full_name"]: put_table(connection, table, found) for table in job["tables"]}
    make_views(connection, job["views"])
    note = json.dumps({"release_id": job["release_id"], "fingerprint": job["fingerprint"]})
    message = f"release {job['release_id']}"
    connection.execute(f"call lake.set_commit_message('newsmart', {quoted(message)}, extra_info => {quoted(note)})")
    changed = [name for name, (deleted, inserted) in counts.items() if deleted or inserted]
    sums = [sum(one[place] for one in counts.values()) for place in (0, 1)]
    return {"is_new": True, "changed": changed, "deleted": sums[0], "inserted": sums[1]}


def lake_columns(connection: Connection) -> dict[str, list[list[str]]]:
    """Return name and type of the columns of each table and view of the lake, by its full name."""
    found: dict[str, list[list[str]]] = {}
    rows = connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = 'lake' and not internal order by 1, column_index"
    ).fetchall()
    for relation, name, type_ in rows:
        found.setdefault(relation, []).append([name, type_])
    return found


def is_there(connection: Connection, found: dict[str, list[list[str]]], job: Job) -> bool:
    """Return whether the lake shows this release. Raises Stop where it holds tables of our names that are not ours."""
    if MARK not in found:
        taken = sorted(one["full_name"] for one in [*job["tables"], *job["views"]] if one["full_name"] in found)
        if taken:
            raise Stop("foreign", taken[0])
        return False
    shown = connection.execute("select release_id, fingerprint from lake.ops.release").fetchall()
    return shown == [(job["release_id"], job["fingerprint"])]


def put_table(connection: Connection, table: Job, found: dict[str, list[list[str]]]) -> tuple[int, int]:
    """Make one table of the lake equal the release's; return how many rows were deleted and inserted."""
    name, source = f"lake.{sql_name(table)}", f"news.{sql_name(table)}"
    columns = [[column["name"], column["type"]] for column in table["columns"]]
    is_new = table["full_name"] == MARK or found.get(table["full_name"]) != columns
    if is_new:
        connection.execute(f"drop table if exists {name}")
        create_table(connection, table)
    elif digest(connection, table, "lake") == digest(connection, table, "news"):
        return 0, 0
    outcome = replace_rows(connection, table, name, source, is_new)
    if digest(connection, table, "lake") != digest(connection, table, "news"):
        raise Stop("differs", table["full_name"])
    return outcome


def create_table(connection: Connection, table: Job) -> None:
    """Make an empty table with its comments. DuckLake knows NOT NULL, but no keys."""
    name = f"lake.{sql_name(table)}"
    lines = [
        f"{named(one['name'])} {one['type']}{'' if one['is_nullable'] else ' not null'}" for one in table["columns"]
    ]
    connection.execute(f"create table {name} ({', '.join(lines)})")
    connection.execute(f"comment on table {name} is {quoted(table['comment'])}")
    for one in table["columns"]:
        connection.execute(f"comment on column {name}.{named(one['name'])} is {quoted(one['comment'])}")


def replace_rows(connection: Connection, table: Job, name: str, source: str, is_new: bool) -> tuple[int, int]:
    """Bring the rows in: all of them into a new table or one without a key, else what differs."""
    columns = ", ".join(named(one["name"]) for one in table["columns"])
    key = ", ".join(named(one) for one in table["primary_key"])
    if is_new or not key:
        deleted = 0 if is_new else _one(connection, f"delete from {name}")
        return deleted, _one(connection, f"insert into {name} select {columns} from {source}")
    ours, theirs = f"select {columns} from {source}", f"select {columns} from {name}"
    deleted = _one(connection, f"delete from {name} where ({key}) in (select ({key}) from ({theirs} except {ours}))")
    return deleted, _one(connection, f"insert into {name} select * from ({ours} except {theirs}) order by {key}")


def digest(connection: Connection, table: Job, catalog: str) -> tuple[Any, ...] | None:
    """Return count and hash of a table's rows in one of the two catalogs."""
    return connection.execute(table["digest"].replace("$source", f"{catalog}.{sql_name(table)}")).fetchone()


def make_views(connection: Connection, views: list[Job]) -> None:
    """Make the views anew. DuckLake takes no comment on a view's column, so the view's comment tells of them too."""
    connection.execute("use lake.main")
    for view in views:
        connection.execute(f"drop view if exists lake.{sql_name(view)}")
        connection.execute(view["sql"])
        columns = " ".join(f"{one['name']}: {one['comment']}" for one in view["columns"])
        connection.execute(
            f"comment on view lake.{sql_name(view)} is {quoted(view['comment'] + ' Columns: ' + columns)}"
        )
    connection.execute("use memory.main")


def sql_name(relation: Job) -> str:
    """Return schema and name, as SQL writes them."""
    return f"{named(relation['schema'])}.{named(relation['name'])}"


def named(name: str) -> str:
    """Return the name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def quoted(text: str) -> str:
    """Return the text as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def _one(connection: Connection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return 0 if row is None else int(row[0])


if __name__ == "__main__":
    sys.exit(main())
