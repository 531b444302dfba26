"""Whether a release that somebody else has kept holds no SQL but views over its own tables.

A restored release is opened by every reader, most of them with a DuckDB that may do whatever the reader may. A view in
it that reads a file would read the reader's, and an export would hand it on. So a release from a backup is looked
through before it is put in place.

A view may call no table function, whatever its name: that is what reads files. To bind the view where there are no
files is not enough, as SQL can ask whether it is shut in (`query(case when current_setting(…) …)`). It is bound all the
same, because a table's name may be a file's. Rejected: comparing views with those of today, since a backup may be of an
older newsmart, and the next run builds its views anew.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import duckdb

from schemas.errors import RunFailed
from warehouse.db import Limits, foreign, release_connection

LIMITS = Limits(threads=1, seconds=60)
SCHEMAS = ("main", "ops")
# What keeps rows together and is no SQL.
KEYS = ("PRIMARY KEY", "UNIQUE", "FOREIGN KEY")
WAY_OUT = "restore another backup, or take this release out of its manifest.json: `newsmart run` builds one anew"
_NAME = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)


def check_no_foreign_sql(path: Path) -> None:
    """Raise RunFailed where a release holds more than tables, and views that read nothing else.

    Also where it does not open.
    """
    with release_connection(path, sandboxed=True, limits=LIMITS) as connection:
        for kind, name, detail in foreign(connection, path.stem):
            if not _is_ours(connection, kind, name, detail):
                what = f"the release holds a {kind} of somebody else's"
                raise RunFailed(what, where=f"{path}: {name[:100]!r}", todo=WAY_OUT)


def _is_ours(connection: duckdb.DuckDBPyConnection, kind: str, name: str, detail: str | None) -> bool:
    if kind == "view":
        return _reads_tables_only(connection, name, detail or "")
    return (kind == "schema" and name in SCHEMAS) or (kind == "constraint" and detail in KEYS)


def _reads_tables_only(connection: duckdb.DuckDBPyConnection, name: str, sql: str) -> bool:
    """Return whether a view is one query without table functions. DuckDB writes its SQL, from the parsed query."""
    head = next((head for head in _heads(name) if sql.startswith(head)), None)
    if head is None or _NAME.fullmatch(name) is None:
        return False
    query = sql.removeprefix(head)
    try:
        ((told,),) = connection.execute("select system.main.json_serialize_sql($sql)", {"sql": query}).fetchall()
        tree = json.loads(told)
        if tree["error"] or len(tree["statements"]) != 1 or "TABLE_FUNCTION" in set(_types(tree)):
            return False
        connection.execute(f"describe from (\n{query.removesuffix(';')}\n)")
    except (duckdb.Error, RecursionError):
        return False
    return True


def _heads(name: str) -> Iterator[str]:
    for schema in ("", *(f"{schema}." for schema in SCHEMAS)):
        yield f"CREATE VIEW {schema}{name} AS "


def _types(tree: object) -> Iterator[str]:
    """Yield what each node of a parsed query is."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield str(node.get("type"))
        waiting += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
