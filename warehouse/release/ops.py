"""What is open in the ledger and told in a release's `ops`: quarantine, notices, drift, and the runs."""

from datetime import datetime
from hashlib import sha256
from typing import Any

import duckdb

from warehouse.release.build import Built
from warehouse.sql_files import fetch_records, read_sql


def quarantine(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the open problems, the fields of ops.quarantine each, by source, path and place."""
    return fetch_records(connection, read_sql("ledger", "open_problems"), {"is_notice": False})


def drift(connection: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the fields that the rules do not know, the fields of ops.drift each."""
    return fetch_records(connection, "select * from ledger.drift order by field")


def quarantine_digest(connection: duckdb.DuckDBPyConnection) -> str:
    """Return a hash of the open problems and notices; when each was last seen does not count."""
    notices = fetch_records(connection, read_sql("ledger", "open_problems"), {"is_notice": True})
    told = (*quarantine(connection), *notices)
    rows = [{key: row[key] for key in row if key != "last_seen_at"} for row in told]
    return sha256(repr(rows).encode("utf-8", "backslashreplace")).hexdigest()


def fill_ops(connection: duckdb.DuckDBPyConnection, keep_runs: int, until: datetime) -> None:
    """Fill ops.run (the latest `keep_runs` up to an as-of), ops.quarantine and ops.drift of the release `news`.

    To ops.notice, which tells already what documents are together, what each is by itself is added.
    """
    open_problems = read_sql("ledger", "open_problems")
    connection.execute(
        "insert into news.ops.run by name select * from ledger.run where as_of <= $1 order by as_of desc limit $2",
        [until, keep_runs],
    )
    connection.execute(f"insert into news.ops.quarantine by name {open_problems}", {"is_notice": False})
    connection.execute(f"insert into news.ops.notice by name {open_problems}", {"is_notice": True})
    connection.execute("insert into news.ops.drift by name select * from ledger.drift")


def finish_ops_run(connection: duckdb.DuckDBPyConnection, run_id: str, built: Built) -> None:
    """Complete this run's row in the release that it makes: the row is written before the run is over."""
    connection.execute(
        "update news.ops.run set status = 'published', finished_at = $1, mentions = $2, articles = $3, release_id = $4 "
        "where run_id = $5",
        [built.built_at, built.mention_count, built.article_count, built.release_id, run_id],
    )
