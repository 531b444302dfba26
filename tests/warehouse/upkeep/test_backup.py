"""Backups beside runs, and restores that verify before they touch anything."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import pytest

from schemas.errors import LedgerDamaged, LockedError, RunFailed, UsageError
from tests.warehouse.making import (
    end,
    files_below,
    make_home,
    publish_release,
    run_python,
    small_disk,
    start_python,
    wait_ready,
    write_ledger,
)
from warehouse.db import ledger_connection
from warehouse.home import Home
from warehouse.lock import hold
from warehouse.release import publish
from warehouse.state import read_state, write_state
from warehouse.upkeep import backup as module
from warehouse.upkeep import restore as restoring
from warehouse.upkeep.backup import backup
from warehouse.upkeep.doctor import clean
from warehouse.upkeep.restore import restore

Full = Callable[[Path], Home]


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Full:
    """Give what copies a warehouse with a ledger, two releases and a state into a folder."""
    made = make_home(tmp_path_factory.mktemp("full"))
    write_ledger(made, 5000)
    publish_release(made, "r1", 1)
    publish_release(made, "r2", 2)
    write_state(made, {"run": {"run_id": "x"}})

    def copy(folder: Path) -> Home:
        shutil.copytree(made.file.parent, folder, symlinks=True)
        return Home.of(folder / made.file.name)

    return copy


def content(home: Home) -> dict[str, str]:
    """Each file's digest, by its name in the warehouse, and where the link points."""
    files = [path for path in home.folder.rglob("*") if path.is_file() and path.name != "lock"]
    digests = {str(path.relative_to(home.folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return digests | {"link": os.readlink(home.file)}


def test_a_restored_warehouse_is_the_same(full: Full, tmp_path: Path) -> None:
    home = full(tmp_path / "a")
    made = backup(home, tmp_path / "backup")
    assert made.release == "r2"
    other = Home.of(tmp_path / "b" / "news.duckdb")
    assert restore(tmp_path / "backup", other) == made
    assert content(other) == content(home)
    assert other.ledger.stat().st_mode & 0o777 == 0o600
    assert other.release_file("r2").stat().st_mode & 0o777 == 0o444
    recorded = publish.fingerprint_file(home.release_file("r2"))
    assert publish.is_untouched(other.release_file("r2"), recorded)


def test_it_can_be_restored_under_another_name(full: Full, tmp_path: Path) -> None:
    backup(full(tmp_path / "a"), tmp_path / "backup")
    other = Home.of(tmp_path / "b" / "press.duckdb")
    restore(tmp_path / "backup", other)
    with duckdb.connect(other.file, read_only=True) as connection:
        assert connection.execute("select current_database(), number from ops.release").fetchall() == [("press", 2)]


def test_a_backup_is_private(full: Full, tmp_path: Path) -> None:
    backup(full(tmp_path / "a"), tmp_path / "backup")
    assert (tmp_path / "backup").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "backup" / "ledger.duckdb").stat().st_mode & 0o777 == 0o600


def test_a_backup_neither_waits_for_a_run_nor_makes_it_fail(full: Full, tmp_path: Path) -> None:
    home = full(tmp_path / "a")
    with hold(home), ledger_connection(home.ledger) as connection:
        connection.execute("begin")
        connection.execute("insert into event select i, 'not yet' from range(300000) as t(i)")
        done = run_python(
            "import sys\nfrom pathlib import Path\n"
            "from warehouse.upkeep.backup import backup\nfrom warehouse.home import Home\n"
            "backup(Home.of(Path(sys.argv[1])), Path(sys.argv[2]), wait_seconds=0)",
            home.file,
            tmp_path / "backup",
        )
        assert done.returncode == 0, done.stderr
        connection.execute("commit")
    other = Home.of(tmp_path / "b" / "news.duckdb")
    restore(tmp_path / "backup", other)
    with ledger_connection(other.ledger) as connection:
        assert connection.execute("select count(*) from event").fetchall() == [(5000,)]


WRITER = """
import sys, time
from pathlib import Path
from warehouse.db import ledger_connection
print("ready", flush=True)
with ledger_connection(Path(sys.argv[1])) as connection:
    connection.execute("create table pair (number bigint, half varchar)")
    number = 0
    while True:
        number += 1
        connection.execute("begin")
        connection.execute("delete from pair where number < ?", [number - 3])
        for side in ("left", "right"):
            rows = "select $n, $side || md5(i::varchar) from range(20000) t(i)"
            connection.execute(f"insert into pair {rows}", {"n": number, "side": side})
        connection.execute("commit")
        if number % 4 == 0:
            time.sleep(0.4)
"""


def test_backups_taken_while_the_ledger_is_written_are_whole(tmp_path: Path) -> None:
    home = make_home(tmp_path / "a")
    write_ledger(home, 100)
    child = start_python(WRITER, home.ledger)
    try:
        assert wait_ready(child) == "ready"
        for number in range(3):
            folder = tmp_path / f"backup{number}"
            backup(home, folder, wait_seconds=30)
            with ledger_connection(folder / "ledger.duckdb", read_only=True) as connection:
                tables = {row[0] for row in connection.execute("select table_name from duckdb_tables()").fetchall()}
                sql = "select count(*) from (select number from pair group by 1 having count(*) <> 40000)"
                assert "pair" not in tables or connection.execute(sql).fetchall() == [(0,)]
            assert list(folder.glob("*.wal")) == []
    finally:
        end(child)


def test_a_warehouse_that_never_stands_still_is_told(
    full: Full, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = full(tmp_path / "a")
    marks = iter(range(1000))
    monkeypatch.setattr(module, "_mark", lambda _: next(marks))
    with pytest.raises(RunFailed, match="changed while it was copied"):
        backup(home, tmp_path / "backup", wait_seconds=0.5)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_a_release_that_is_pruned_meanwhile_starts_the_copy_anew(
    full: Full, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = full(tmp_path / "a")
    real_copy, calls = module.copy, list[str]()

    def copy_then_prune(reading: int, target: Path) -> module.Copied:
        copied = real_copy(reading, target)
        if not calls:
            publish.prune(home, [])
        calls.append(target.name)
        return copied

    monkeypatch.setattr(module, "copy", copy_then_prune)
    made = backup(home, tmp_path / "backup")
    assert list(made.sha256_of_releases) == ["r2"]
    assert sorted(path.name for path in (tmp_path / "backup" / "releases").iterdir()) == ["r2"]


def test_a_damaged_ledger_is_not_backed_up(full: Full, tmp_path: Path) -> None:
    home = full(tmp_path / "a")
    damaged = bytearray(home.ledger.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    damaged[12_300] ^= 1
    home.ledger.write_bytes(damaged)
    with pytest.raises(LedgerDamaged):
        backup(home, tmp_path / "backup")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a"]


def test_the_place_of_a_backup_must_be_free_and_outside(full: Full, tmp_path: Path) -> None:
    home = full(tmp_path / "a")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    (tmp_path / "plain").write_text("mine")
    for place in (tmp_path / "taken", tmp_path / "plain", home.folder / "backup", home.releases):
        with pytest.raises(UsageError):
            backup(home, place)
    assert [path.name for path in (tmp_path / "taken").iterdir()] == ["mine.txt"]
    (tmp_path / "empty").mkdir()
    backup(home, tmp_path / "empty")
    with pytest.raises(UsageError, match="no warehouse"):
        backup(Home.of(tmp_path / "none.duckdb"), tmp_path / "other")


def test_a_full_disk_leaves_no_half_backup(full: Full, tmp_path: Path) -> None:
    home = full(tmp_path / "a")
    with small_disk(tmp_path / "disk", "300k") as disk:
        with pytest.raises(RunFailed, match="No space left"):
            backup(home, disk / "backup")
        assert list(disk.iterdir()) == []


def test_kill_9_while_backing_up_leaves_no_backup_under_its_name(full: Full, tmp_path: Path) -> None:
    home = full(tmp_path / "a")
    code = """
import os, signal, sys
from pathlib import Path
from warehouse.upkeep import backup
from warehouse.home import Home
backup.check_copied = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
backup.backup(Home.of(Path(sys.argv[1])), Path(sys.argv[2]))
"""
    assert run_python(code, home.file, tmp_path / "backup").returncode == -9
    assert not (tmp_path / "backup").exists()
    backup(home, tmp_path / "backup")


@pytest.mark.parametrize("file", ["ledger.duckdb", "state.json", "releases/r1/release.duckdb"])
@pytest.mark.parametrize("how", ["flipped", "gone"])
def test_a_damaged_backup_is_found_before_anything_is_touched(full: Full, tmp_path: Path, file: str, how: str) -> None:
    home = full(tmp_path / "a")
    backup(home, tmp_path / "backup")
    before = content(home)
    path = tmp_path / "backup" / file
    damaged = bytearray(path.read_bytes())
    damaged[-1] ^= 1
    path.unlink()
    if how == "flipped":
        path.write_bytes(damaged)
    with pytest.raises(RunFailed, match="backup is damaged"):
        restore(tmp_path / "backup", home, force=True)
    with pytest.raises(RunFailed, match="backup is damaged"):
        restore(tmp_path / "backup", Home.of(tmp_path / "new" / "news.duckdb"))
    assert content(home) == before
    assert files_below(tmp_path / "new") == ["lock"]
    backup(home, tmp_path / "whole")
    restore(tmp_path / "whole", Home.of(tmp_path / "new" / "news.duckdb"))
    assert content(Home.of(tmp_path / "new" / "news.duckdb")) == before


@pytest.mark.parametrize(
    "change",
    [
        {"version": 99},
        {"version": "x"},
        {"files": {}},
        {"files": 3},
        {"release": "r9"},
        {"files": {"../../etc/passwd": {"sha256": "", "bytes": 1}}},
        {"files": {"releases/../r1/release.duckdb": {"sha256": "", "bytes": 1}}},
    ],
)
def test_a_manifest_that_lies_is_refused(full: Full, tmp_path: Path, change: dict[str, object]) -> None:
    backup(full(tmp_path / "a"), tmp_path / "backup")
    manifest = tmp_path / "backup" / "manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    with pytest.raises(RunFailed):
        restore(tmp_path / "backup", Home.of(tmp_path / "b" / "news.duckdb"))
    assert not (tmp_path / "b").exists()


def test_a_folder_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a backup"):
        restore(tmp_path, Home.of(tmp_path / "b" / "news.duckdb"))


def test_an_existing_warehouse_is_replaced_only_when_forced(full: Full, tmp_path: Path) -> None:
    home = full(tmp_path / "a")
    backup(home, tmp_path / "backup")
    wanted = content(home)
    write_ledger(home, 77)
    publish_release(home, "r3", 3)
    write_state(home, {"run": {"run_id": "y"}})
    home.release_file("r1").chmod(0o644)
    home.release_file("r1").write_bytes(b"tampered")
    changed = content(home)
    with pytest.raises(UsageError, match="a warehouse already"):
        restore(tmp_path / "backup", home)
    assert content(home) == changed
    with hold(home), pytest.raises(LockedError):
        restore(tmp_path / "backup", home, force=True)
    assert content(home) == changed
    restore(tmp_path / "backup", home, force=True)
    assert content(home) == wanted


def test_no_run_publishes_while_a_restore_copies(full: Full, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backup(full(tmp_path / "a"), tmp_path / "backup")
    home, refused = Home.of(tmp_path / "b" / "news.duckdb"), list[str]()
    real_copy = module.copy

    def copy_beside_a_run(reading: int, target: Path) -> module.Copied:
        if not refused:
            home.prepare()
            with pytest.raises(LockedError) as caught, hold(home):
                publish_release(home, "r9")
            refused.append(str(caught.value))
        return real_copy(reading, target)

    monkeypatch.setattr(restoring, "copy", copy_beside_a_run)
    restore(tmp_path / "backup", home)
    assert publish.current(home) == "r2"


def test_a_warehouse_that_a_run_began_before_the_lock_is_not_replaced(
    full: Full, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup(full(tmp_path / "a"), tmp_path / "backup")
    home = Home.of(tmp_path / "b" / "news.duckdb")

    def hold_after_a_run(home: Home) -> AbstractContextManager[None]:
        publish_release(home, "r9")
        return hold(home)

    monkeypatch.setattr(restoring, "hold", hold_after_a_run)
    with pytest.raises(UsageError, match="a warehouse already"):
        restore(tmp_path / "backup", home)
    assert publish.current(home) == "r9"


def test_a_running_run_is_told_before_anything_is_copied(
    full: Full, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = full(tmp_path / "a")
    backup(home, tmp_path / "backup")
    monkeypatch.setattr(restoring, "copy", lambda *_: pytest.fail("copied"))
    with hold(home), pytest.raises(LockedError):
        restore(tmp_path / "backup", home, force=True)


def test_it_is_restored_where_the_folder_is_a_link(full: Full, tmp_path: Path) -> None:
    home = full(tmp_path / "a")
    backup(home, tmp_path / "backup")
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    restore(tmp_path / "backup", Home.of(tmp_path / "link" / "news.duckdb"))
    assert content(Home.of(tmp_path / "real" / "news.duckdb")) == content(home)


def test_what_a_killed_restore_has_copied_is_found_and_removed(full: Full, tmp_path: Path) -> None:
    """Into a place where nothing was; the ledger's copy is private."""
    backup(full(tmp_path / "a"), tmp_path / "backup")
    home = Home.of(tmp_path / "b" / "news.duckdb")
    home.file.parent.mkdir()
    code = """
import os, signal, sys
from pathlib import Path
from warehouse.upkeep import restore
from warehouse.home import Home
restore.check_copied = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
restore.restore(Path(sys.argv[2]), Home.of(Path(sys.argv[1])))
"""
    assert run_python(code, home.file, tmp_path / "backup").returncode == -9
    assert len(list(home.file.parent.rglob("ledger.duckdb"))) == 1
    assert list(home.file.parent.iterdir()) == [home.folder]
    assert len(clean(home)) == 1
    assert list(home.file.parent.rglob("ledger.duckdb")) == []


def test_a_restore_over_a_damaged_ledger_is_the_way_back(full: Full, tmp_path: Path) -> None:
    home = full(tmp_path / "a")
    backup(home, tmp_path / "backup")
    os.truncate(home.ledger, 5000)
    home.ledger.with_name("ledger.duckdb.wal").write_bytes(b"garbage")
    restore(tmp_path / "backup", home, force=True)
    with ledger_connection(home.ledger) as connection:
        assert connection.execute("select count(*) from event").fetchall() == [(5000,)]
    assert read_state(home) is not None


def test_a_foreign_file_is_not_replaced_even_when_forced(full: Full, tmp_path: Path) -> None:
    backup(full(tmp_path / "a"), tmp_path / "backup")
    (tmp_path / "mine.duckdb").write_bytes(b"mine")
    with pytest.raises(UsageError):
        restore(tmp_path / "backup", Home.of(tmp_path / "mine.duckdb"), force=True)
    assert (tmp_path / "mine.duckdb").read_bytes() == b"mine"


def test_a_backup_without_a_release_restores_without_one(full: Full, tmp_path: Path) -> None:
    home = make_home(tmp_path / "a")
    write_ledger(home)
    assert backup(home, tmp_path / "backup").release is None
    other = full(tmp_path / "b")
    restore(tmp_path / "backup", other, force=True)
    assert not os.path.lexists(other.file)
    assert publish.release_ids(other) == []
    assert read_state(other) is None


@pytest.mark.slow
@pytest.mark.parametrize("moment", range(1, 12))
def test_kill_9_in_a_restore_leaves_a_release_to_read_and_a_second_restore_mends(
    full: Full, tmp_path: Path, moment: int
) -> None:
    """The process dies at its n-th fsync of a folder or rename: every step of the restore ends with one."""
    home = full(tmp_path / "a")
    backup(home, tmp_path / "backup")
    wanted = content(home)
    write_ledger(home, 77)
    publish_release(home, "r3", 3)
    code = """
import os, signal, sys
from pathlib import Path
from warehouse.upkeep.restore import restore
from warehouse.home import Home
left = int(sys.argv[3])
real = os.replace, os.fsync
def counted(call):
    def step(*arguments):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*arguments)
    return step
os.replace, os.fsync = map(counted, real)
restore(Path(sys.argv[2]), Home.of(Path(sys.argv[1])), force=True)
"""
    assert run_python(code, home.file, tmp_path / "backup", moment).returncode == -9
    with duckdb.connect(home.file, read_only=True) as connection:
        assert connection.execute("select number from ops.release").fetchone() in [(2,), (3,)]
    with ledger_connection(home.ledger) as ledger:
        assert ledger.execute("select count(*) from event").fetchone() in [(5000,), (5077,)]
    restore(tmp_path / "backup", home, force=True)
    assert content(home) == wanted


def test_a_backup_is_restored_from_a_read_only_mount(full: Full, tmp_path: Path) -> None:
    home = full(tmp_path / "a")
    with small_disk(tmp_path / "disk", "20m") as disk:
        backup(home, disk / "backup")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        restore(disk / "backup", Home.of(tmp_path / "b" / "news.duckdb"))
    assert content(Home.of(tmp_path / "b" / "news.duckdb")) == content(home)


def test_a_copy_of_the_backup_is_a_backup(full: Full, tmp_path: Path) -> None:
    backup(full(tmp_path / "a"), tmp_path / "backup")
    shutil.copytree(tmp_path / "backup", tmp_path / "copy")
    assert restore(tmp_path / "copy", Home.of(tmp_path / "b" / "news.duckdb")).release == "r2"
