"""Programs of other languages read a release: DuckDB's command line and Node. Each is skipped where it is missing."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from schemas.tables import ALL_TABLES
from warehouse.db import release_connection

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DUCKDB, NODE = shutil.which("duckdb"), shutil.which("node")


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def _counts(file: Path) -> dict[str, int]:
    with release_connection(file) as connection:
        counted = [
            (table.qualified_name, connection.execute(f"select count(*) from {table.qualified_name}").fetchone())
            for table in ALL_TABLES
        ]
    return {name: int(row[0]) for name, row in counted if row is not None}


@pytest.mark.skipif(DUCKDB is None, reason="the duckdb command line is not installed (pip install duckdb-cli)")
def test_the_command_line_reads_the_link(file: Path) -> None:
    done = _run(str(DUCKDB), "-readonly", "-json", str(file), "select count(*)::int as count from articles")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [{"count": _counts(file)["main.articles"]}]


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_node_reads_every_table_and_view_with_exact_keys(file: Path) -> None:
    if _run(str(NODE), "-e", "require.resolve('@duckdb/node-api')").returncode != 0:
        pytest.skip("node has no @duckdb/node-api (npm install @duckdb/node-api)")
    done = _run(str(NODE), str(HERE / "read_everything.cjs"), str(file))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["counts"] == _counts(file)
    assert found["types"] == {"article_key": "bigint", "mention_count": "number"}
    with release_connection(file) as connection:
        row = connection.execute("select max(article_key)::varchar from articles").fetchone()
    assert (found["key"],) == row
