"""Connections: their settings, what lasts of them, and how DuckDB's errors about a file are told."""

import os
import subprocess
from pathlib import Path

import duckdb
import pytest

from schemas.errors import LedgerDamaged, LockedError, RunFailed
from tests.warehouse.making import (
    end,
    make_home,
    read_with_old_driver,
    run_python,
    small_disk,
    start_python,
    wait_ready,
    write_ledger,
    write_release,
)
from warehouse import db, spill
from warehouse.db import Limits, ledger_connection, memory_connection, release_connection
from warehouse.ledger.opening import ledger_transaction, open_ledger
from warehouse.release.catalog import attach_release
from warehouse.spill import dead_spill_folders, spill_folder
from warehouse.upkeep import maintain

OPEN = """
import sys
from pathlib import Path
from warehouse.db import ledger_connection
with ledger_connection(Path(sys.argv[1])):
    print("open", flush=True)
    sys.stdin.readline()
"""


def test_every_setting_exists_and_holds_on_every_kind_of_connection(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    write_release(tmp_path / "r.duckdb")
    limits = Limits(memory="300MB", threads=1, seconds=60)
    with (
        ledger_connection(home.ledger, limits=limits) as ledger,
        memory_connection(home.temp, limits=limits) as memory,
        release_connection(tmp_path / "r.duckdb", limits=limits) as release,
    ):
        for connection in (ledger, memory, release):
            found = dict(connection.execute("select name, value from duckdb_settings()").fetchall())
            wanted = {name: str(value).lower() for name, value in db.SAFE_SETTINGS.items()}
            assert {name: found[name] for name in wanted} == wanted | {"wal_autocheckpoint": "0 bytes"}
            assert found["memory_limit"] == "286.1 MiB"
            assert found["threads"] == "1"
            assert found["max_execution_time"] == "60000"
            assert {name: found[name] for name in db.SESSION_SETTINGS} == db.SESSION_SETTINGS
            assert Path(found["temp_directory"]).name.startswith(spill.SPILL_PREFIX)


def test_the_spill_folder_is_private_and_goes(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with memory_connection(home.temp):
        folders = list(home.temp.iterdir())
        assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700]
        assert dead_spill_folders(home.temp) == []
    assert list(home.temp.iterdir()) == []


def test_a_reader_who_may_not_write_spills_elsewhere(tmp_path: Path) -> None:
    with spill_folder(tmp_path / "absent") as folder:
        assert folder.is_dir()
        assert not folder.is_relative_to(tmp_path / "absent")
    assert not folder.exists()


def test_spill_folders_of_the_dead_are_told_from_those_of_the_living(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    child = start_python(OPEN, home.ledger)
    assert wait_ready(child) == "open"
    assert len(list(home.temp.iterdir())) == 1
    assert dead_spill_folders(home.temp) == []
    end(child)
    assert dead_spill_folders(home.temp) == list(home.temp.iterdir())


def test_the_ledger_is_private_and_one_file_after_every_commit(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    before = os.umask(0o000)
    try:
        with ledger_connection(home.ledger) as connection:
            for number in range(5):
                connection.execute(f"create table t{number} as select * from range(10000)")
                assert [path.name for path in home.folder.glob("ledger*")] == ["ledger.duckdb"]
                assert home.ledger.stat().st_mode & 0o777 == 0o600
    finally:
        os.umask(before)


def test_a_ledger_that_others_may_read_is_made_private_again(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    write_ledger(home)
    home.ledger.chmod(0o644)
    write_ledger(home)
    assert home.ledger.stat().st_mode & 0o777 == 0o600


def test_a_commit_lasts_through_kill_9(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    code = """
import os, signal, sys
from pathlib import Path
from warehouse.db import ledger_connection
with ledger_connection(Path(sys.argv[1])) as connection:
    connection.execute("create table t as select 7 as a")
    connection.execute("begin")
    connection.execute("insert into t select range from range(100000)")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run_python(code, home.ledger).returncode == -9
    with ledger_connection(home.ledger) as connection:
        assert connection.execute("select * from t").fetchall() == [(7,)]


def test_rows_of_the_ledger_are_compressed_before_the_commit_and_stay_in_small_groups(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    for _ in range(2):
        write_ledger(home, 100_000)
    write_ledger(home, 10)
    with ledger_connection(home.ledger) as connection:
        connection.execute("create table meta (name varchar, value varchar)")
        maintain.compact(connection, home)
    with ledger_connection(home.ledger) as connection:
        groups = (
            "select row_group_id, sum(count) from pragma_storage_info('event') "
            "where column_name = 'number' and segment_type <> 'VALIDITY' group by row_group_id"
        )
        rows = [int(count) for _, count in connection.execute(groups).fetchall()]
        assert sum(rows) == 200_010
        assert max(rows) == db.LEDGER_ROW_GROUP_ROWS


def test_the_ledger_is_written_by_one_thread(tmp_path: Path) -> None:
    # With two DuckDB 2.0.0 loses rows (flows/pipeline/test_pipeline.py: no problem of very many is lost).
    threads = "select current_setting('threads')"
    with open_ledger(make_home(tmp_path), limits=Limits(threads=2)) as connection:
        with ledger_transaction(connection):
            assert connection.execute(threads).fetchall() == [(1,)]
        assert connection.execute(threads).fetchall() == [(2,)]


def test_a_crash_while_the_ledger_is_made_leaves_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(RunFailed, match="No space left"), ledger_connection(home.ledger):
        pass
    assert list(home.folder.glob("ledger*")) == []


def read_all(path: Path) -> object:
    with ledger_connection(path) as connection:
        return connection.execute("select count(*), bit_xor(hash(t)) from event t").fetchall()


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.01, 0.3, 0.7, 0.999])
def test_a_truncated_ledger_is_damaged_and_the_way_back_is_told(tmp_path: Path, keep: float) -> None:
    home = make_home(tmp_path)
    write_ledger(home, 100_000)
    content = home.ledger.read_bytes()
    home.ledger.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(LedgerDamaged, match=r"newsmart restore.*--full-refresh.*lost"):
        read_all(home.ledger)


def test_a_flipped_bit_anywhere_is_found_or_without_effect(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    write_ledger(home, 20_000)
    right = read_all(home.ledger)
    content = home.ledger.read_bytes()
    damaged = 0
    for place in range(0, len(content), len(content) // 40):
        flipped = bytearray(content)
        flipped[place] ^= 0x10
        home.ledger.write_bytes(flipped)
        try:
            assert read_all(home.ledger) == right, place
        except LedgerDamaged:
            damaged += 1
    assert damaged > 10


def test_a_ledger_that_is_something_else_is_damaged(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    home.ledger.write_text("-- not a database, but long enough to be read as one\n" * 1000)
    with pytest.raises(LedgerDamaged):
        read_all(home.ledger)


def test_an_error_of_sql_is_not_a_damaged_file(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with pytest.raises(duckdb.CatalogException), ledger_connection(home.ledger) as connection:
        connection.execute('select * from "Corrupt database file"')


def test_a_ledger_open_elsewhere_says_so(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    child = start_python(OPEN, home.ledger)
    try:
        assert wait_ready(child) == "open"
        with pytest.raises(LockedError, match=f"PID {child.pid}"), ledger_connection(home.ledger):
            pass
    finally:
        end(child)


def test_a_missing_release_is_a_clear_failure(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="no such database"), release_connection(tmp_path / "none.duckdb"):
        pass


def test_a_damaged_release_is_not_called_a_damaged_ledger(tmp_path: Path) -> None:
    (tmp_path / "r.duckdb").write_bytes(b"x" * 50_000)
    with pytest.raises(RunFailed, match="release is damaged"), release_connection(tmp_path / "r.duckdb"):
        pass


def test_a_release_is_attached_whatever_it_and_its_catalog_are_called(tmp_path: Path) -> None:
    write_release(tmp_path / "it's.duckdb")
    with memory_connection(tmp_path) as connection:
        attach_release(connection, tmp_path / "it's.duckdb", 'o"ld')
        assert connection.execute('select count(*) from "o""ld".article').fetchall() == [(1000,)]


def test_python_variables_are_no_tables(tmp_path: Path) -> None:
    secret = duckdb.values([1])
    with memory_connection(tmp_path) as connection, pytest.raises(duckdb.CatalogException):
        connection.execute("select * from secret")
    assert secret is not None


def test_a_full_disk_fails_clearly_and_keeps_what_was_committed(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "4m") as disk:
        home = make_home(disk)
        write_ledger(home, 10)
        with pytest.raises(RunFailed, match="No space left on device"):
            write_ledger(home, 3_000_000)
        with ledger_connection(home.ledger) as connection:
            assert connection.execute("select count(*) from event").fetchall() == [(10,)]


def test_a_read_only_mount_fails_clearly_and_can_be_read(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk:
        home = make_home(disk)
        write_ledger(home, 10)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with ledger_connection(home.ledger, read_only=True) as connection:
            assert connection.execute("select count(*) from event").fetchall() == [(10,)]
        with pytest.raises(RunFailed, match="Read-only file system"):
            write_ledger(home)


@pytest.mark.parametrize("version", ["1.2.2", "1.4.4"])
def test_an_old_driver_reads_every_table_and_view(tmp_path: Path, version: str) -> None:
    file = tmp_path / "news.duckdb"
    write_release(file)
    assert read_with_old_driver(tmp_path / "venv", version, file) == f"{version} 3"


INTERRUPT = """
import os, signal, sys, threading
from pathlib import Path
from warehouse.db import memory_connection
timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
try:
    with memory_connection(Path(sys.argv[1])) as connection:
        timer.start()
        while True:
            connection.execute("select sum(i) from range(3000000) as t(i)")
except KeyboardInterrupt:
    print("interrupted")
"""


def test_ctrl_c_during_a_statement_is_a_keyboard_interrupt(tmp_path: Path) -> None:
    assert run_python(INTERRUPT, tmp_path).stdout == "interrupted\n"
    assert list(tmp_path.iterdir()) == []
