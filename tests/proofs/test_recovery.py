"""Backup, restore, doctor and the query sandbox, through the commands, beside real runs."""

import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest

from tests.proofs.publisher import Publisher
from tests.proofs.scene import error_line, look, newsmart
from tests.warehouse.making import end, start_python, wait_ready
from warehouse.home import Home

READ = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1], read_only=True)
print("open", flush=True)
sys.stdin.readline()
"""


@pytest.mark.slow
def test_backups_beside_runs_restore_to_what_was_published(tmp_path: Path) -> None:
    """Runs go on all the while; whichever moment a backup is of, it verifies to a fingerprint that was published."""
    publisher = Publisher(tmp_path)
    published = [publisher.publish()]
    over = threading.Event()

    def run_on() -> None:
        while not over.is_set():
            published.append(publisher.publish())

    backups = [tmp_path / f"backup-{number}" for number in range(2)]
    with ThreadPoolExecutor(1) as pool:
        runs = pool.submit(run_on)
        try:
            for to in backups:
                done = newsmart("backup", "--to", to, "--warehouse", publisher.home.file)
                assert done.returncode == 0, done.stderr
        finally:
            over.set()
        runs.result()
    for number, origin in enumerate(backups):
        home = Home.of(tmp_path / f"restored-{number}" / "news.duckdb")
        done = newsmart("restore", "--from", origin, "--warehouse", home.file)
        assert done.returncode == 0, done.stderr
        seen = look(home.file)
        assert (seen.release_id, seen.fingerprint) in [(one.release_id, one.fingerprint) for one in published]
        verified = newsmart("verify", "--json", "--warehouse", home.file)
        assert verified.returncode == 0, verified.stderr
        assert json.loads(verified.stdout)["is_equal"]
        assert home.ledger.stat().st_mode & 0o777 == 0o600


@pytest.mark.slow
def test_a_restored_warehouse_goes_on_where_the_backup_was(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    publisher.publish()
    before = publisher.publish()
    assert newsmart("backup", "--to", tmp_path / "backup", "--warehouse", publisher.home.file).returncode == 0
    shutil.rmtree(publisher.home.file.parent)
    assert newsmart("restore", "--from", tmp_path / "backup", "--warehouse", publisher.home.file).returncode == 0
    assert look(publisher.home.file) == before
    assert not publisher.run().published
    assert newsmart("doctor", "--warehouse", publisher.home.file).returncode == 0
    after = publisher.publish()
    assert newsmart("rollback", "--warehouse", publisher.home.file).returncode == 0
    assert look(publisher.home.file) == before != after


@pytest.mark.slow
def test_the_doctor_names_holder_readers_and_leftovers_and_cleans(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    old = publisher.publish()
    file = publisher.home.file
    reader = start_python(READ, file)
    try:
        assert wait_ready(reader) == "open"
        for _ in range(4):
            publisher.publish()
        killed = newsmart("run", "--direct", "--source", f"news={publisher.source}", "--warehouse", file,
                          "--full-refresh", edge="after_scan")  # fmt: skip
        assert killed.returncode == -9
        staging = publisher.home.staging_folder("20260101T000000.000000Z-dead")
        staging.mkdir()
        told = newsmart("doctor", "--warehouse", file)
        assert told.returncode == 0, told.stdout
        if Path("/proc/self/fd").is_dir():
            assert f"{old.release_id}, old: {reader.pid} (" in told.stdout
        assert str(staging) in told.stdout
        cleaned = newsmart("doctor", "--clean", "--warehouse", file)
        assert (cleaned.returncode, f"removed {staging}" in cleaned.stdout) == (0, True)
        assert not staging.exists()
    finally:
        end(reader)
    findings = json.loads(newsmart("doctor", "--json", "--warehouse", file).stdout)
    assert {finding["status"] for finding in findings} <= {"ok", "warn"}
    assert [
        finding["status"] for finding in findings if finding["name"] in ("leftovers", "lock", "releases", "file")
    ] == ["ok"] * 4


def test_the_doctor_of_a_held_warehouse_names_the_holder_and_leaves_it_alone(tmp_path: Path) -> None:
    from tests.proofs.test_one_run import HOLD

    publisher = Publisher(tmp_path)
    publisher.publish()
    holder = start_python(HOLD, publisher.home.file)
    try:
        assert wait_ready(holder) == "held"
        assert f"pid {holder.pid}" in newsmart("doctor", "--warehouse", publisher.home.file).stdout
        refused = newsmart("doctor", "--clean", "--warehouse", publisher.home.file)
        assert refused.returncode == 3
        assert f"pid {holder.pid}" in error_line(refused)
    finally:
        end(holder)


# The sandbox itself is tried in tests/warehouse/queries/test_query.py; here it is the command that holds it.
WAYS_OUT = [
    "select * from read_text('/etc/passwd')",
    "copy (select 1) to '{place}/stolen.csv'",
    "attach '{place}/other.duckdb' as other",
    "set enable_external_access = true",
    "update dim_article set title = 'mine'",
]
MORE_WAYS_OUT = [
    "from '/etc/passwd'",
    "select * from glob('/*')",
    "explain analyze copy (select 1) to '{place}/stolen.csv'",
    "install httpfs",
    "load httpfs",
    "select * from 'https://example.com/x.parquet'",
    "pragma enable_profiling",
    "create table stolen (x int)",
    "delete from ops.run",
    "select 1; drop view articles",
    "export database '{place}/stolen'",
    "call pragma_version()",
    "create secret s (type http)",
    "checkpoint",
    "use memory",
]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    """A warehouse to ask."""
    publisher = Publisher(tmp_path_factory.mktemp("asked"))
    publisher.publish()
    return publisher


@pytest.mark.parametrize("sql", [*WAYS_OUT, *(pytest.param(sql, marks=pytest.mark.slow) for sql in MORE_WAYS_OUT)])
def test_no_way_out_of_a_query(asked: Publisher, tmp_path: Path, sql: str) -> None:
    before = look(asked.home.file)
    done = newsmart("query", sql.format(place=tmp_path), "--warehouse", asked.home.file)
    assert done.returncode == 2, done.stdout
    assert done.stderr.startswith("newsmart: ")
    assert "root:" not in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == []
    assert list(asked.home.temp.iterdir()) == []
    assert look(asked.home.file) == before


def test_a_query_that_asks_for_too_much_ends(asked: Publisher) -> None:
    endless = "select count(*) from range(10000000000) as a(i), range(1000) as b(j) where i * j % 7 = 3"
    for name, value, sql in (
        ("NEWSMART_QUERY_SECONDS", "1", endless),
        ("NEWSMART_QUERY_MEMORY", "50MB", "select list(i) from range(100000000) as t(i)"),
    ):
        done = newsmart("query", sql, "--warehouse", asked.home.file, environment={name: value})
        assert done.returncode == 1
        assert "than it may" in error_line(done)


def test_a_query_reads_beside_an_open_connection(asked: Publisher) -> None:
    with duckdb.connect(asked.home.file, read_only=True) as connection:
        expected = connection.execute("select count(*) from articles").fetchone()
        done = newsmart("query", "select count(*) as n from articles", "--format", "json", "--warehouse",
                        asked.home.file)  # fmt: skip
    assert expected is not None
    assert json.loads(done.stdout) == [{"n": expected[0]}]
