"""What the tests of files share: a home, a small release made through db.py, a child in our code, a small disk."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.environments import python_with
from warehouse.db import ledger_connection, memory_connection
from warehouse.home import Home
from warehouse.release import publish
from warehouse.release.catalog import attach_staged

ROOT = Path(__file__).resolve().parents[2]


def make_home(folder: Path) -> Home:
    home = Home.of(folder / "news.duckdb")
    home.prepare()
    return home


def write_release(file: Path, number: int = 1, rows: int = 1000) -> None:
    """Write a release file: every kind of column that the real one has, a view, comments, `ops`."""
    with memory_connection(file.parent) as connection:
        attach_staged(connection, file, "release")
        connection.execute("create schema release.ops")
        connection.execute("create table release.ops.release (number bigint not null, row_count bigint not null)")
        connection.execute("insert into release.ops.release values (?, ?)", [number, rows])
        connection.execute(
            "create table release.main.article (article_key bigint primary key, title varchar not null, "
            "published_at timestamp, date date, heat double, topics varchar[], is_root boolean, "
            "images struct(url varchar, width bigint)[])"
        )
        connection.execute(
            "insert into release.main.article select i, 'title ' || i || ' of ' || $number, "
            "timestamp '2020-01-01' + to_minutes(i), date '2020-01-01', i / 3, [i::varchar], i % 2 = 0, "
            "[{'url': 'u' || i, 'width': i}] from range($rows) as t(i)",
            {"number": number, "rows": rows},
        )
        connection.execute("comment on table release.main.article is 'one row per article'")
        connection.execute("use release")
        connection.execute("create view articles as select article_key, title from article where is_root")
        connection.execute("use memory")
        connection.execute("detach release")


def publish_release(home: Home, release_id: str, number: int = 1, rows: int = 1000) -> publish.Fingerprint:
    write_release(publish.stage(home, release_id), number, rows)
    return publish.publish(home, release_id)


def write_ledger(home: Home, rows: int = 1000) -> None:
    with ledger_connection(home.ledger) as connection:
        connection.execute("create table if not exists event (number bigint, content varchar)")
        connection.execute("insert into event select i, md5(i::varchar) from range(?) as t(i)", [rows])


def files_below(folder: Path) -> list[str]:
    """Return the names of all that is not a folder."""
    return sorted(path.name for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())


def run_python(code: str, *arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter that sees our packages, and wait for it."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout, check=False)


def start_python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start code in a new interpreter that sees our packages; its first line on stdout says that it is ready."""
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def wait_ready(child: subprocess.Popen[str]) -> str:
    """Return the child's next line."""
    if child.stdout is None:
        raise ValueError("the child was started without a pipe")
    return child.stdout.readline().strip()


def end(child: subprocess.Popen[str]) -> None:
    """Kill the child as kill -9 does, wait for it and close its pipes."""
    child.kill()
    child.communicate()


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A tmpfs of its own, so that a disk can be full; only root on Linux may mount one."""
    folder.mkdir()
    mount = shutil.which("mount")
    options = ["-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if mount is None or subprocess.run([mount, *options], capture_output=True, check=False).returncode != 0:
        pytest.skip("a tmpfs cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


READ_EVERYTHING = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
names = connection.execute("select table_schema, table_name from information_schema.tables order by 1, 2").fetchall()
for schema, name in names:
    connection.execute(f'select * from "{schema}"."{name}"').fetchall()
print(duckdb.__version__, len(names))
"""


def read_with_old_driver(environment: Path, version: str, file: Path) -> str:
    """Read every table and view of a release with another duckdb; skip where none can be installed."""
    python = python_with(environment, f"duckdb=={version}")
    command = [str(python), "-c", READ_EVERYTHING, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.strip()
