"""Publishing by one rename: readers see whole releases, whatever breaks off."""

import os
import shutil
import subprocess
from functools import partial
from pathlib import Path

import duckdb
import pytest

from schemas.errors import PublishFailed, UsageError
from tests.warehouse.making import (
    end,
    make_home,
    publish_release,
    run_python,
    small_disk,
    start_python,
    wait_ready,
    write_release,
)
from warehouse.home import Home
from warehouse.release import publish


def number_shown(home: Home) -> int:
    """What a reader who opens FILE sees, as any driver would open it."""
    with duckdb.connect(home.file, read_only=True) as connection:
        row = connection.execute("select number from ops.release").fetchone()
    assert row is not None
    return int(row[0])


def test_a_release_is_sealed_and_shown_under_the_same_name(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    assert publish.current(home) is None
    recorded = publish_release(home, "r1")
    assert publish.current(home) == "r1"
    assert os.readlink(home.file) == "news.duckdb.d/releases/r1/news.duckdb"
    assert home.release_file("r1").stat().st_mode & 0o777 == 0o444
    assert [path.name for path in home.release_folder("r1").iterdir()] == ["news.duckdb"]
    assert publish.is_untouched(home.release_file("r1"), recorded)
    with duckdb.connect(home.file, read_only=True) as connection:
        assert connection.execute("select current_database()").fetchall() == [("news",)]


def test_a_umask_keeps_others_out_of_a_release(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        home = make_home(tmp_path)
        publish_release(home, "r1")
    finally:
        os.umask(before)
    assert home.release_file("r1").stat().st_mode & 0o777 == 0o400


def test_the_warehouse_can_be_moved_whole(tmp_path: Path) -> None:
    home = make_home(tmp_path / "a")
    publish_release(home, "r1", 5)
    (tmp_path / "a").rename(tmp_path / "b")
    assert number_shown(Home.of(tmp_path / "b" / "news.duckdb")) == 5


def test_publish_refuses_while_a_stray_log_lies_beside_the_link(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    publish_release(home, "r1", 1)
    home.stray_wal.write_bytes(b"")
    write_release(publish.stage(home, "r2"), 2)
    with pytest.raises(PublishFailed, match=r"news\.duckdb\.wal"):
        publish.publish(home, "r2")
    with pytest.raises(PublishFailed):
        publish.flip(home, "r1")
    home.stray_wal.unlink()
    assert number_shown(home) == 1
    publish.publish(home, "r2")
    assert number_shown(home) == 2


def test_a_release_that_is_not_closed_is_not_published(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    file = publish.stage(home, "r1")
    write_release(file)
    file.with_name("news.duckdb.wal").write_bytes(b"")
    with pytest.raises(PublishFailed, match="not closed"):
        publish.publish(home, "r1")
    assert not os.path.lexists(home.file)


def test_what_was_never_built_is_not_published(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    publish.stage(home, "r1")
    with pytest.raises(PublishFailed):
        publish.publish(home, "r1")
    assert not os.path.lexists(home.file)


def test_a_file_that_is_not_our_link_is_never_touched(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    write_release(publish.stage(home, "r1"))
    home.file.write_bytes(b"mine")
    with pytest.raises(UsageError):
        publish.publish(home, "r1")
    with pytest.raises(UsageError):
        publish.flip(home, "r1")
    assert home.file.read_bytes() == b"mine"


def test_a_release_is_published_once(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    publish_release(home, "r1")
    with pytest.raises(PublishFailed, match="exists already"):
        publish.stage(home, "r1")
    assert number_shown(home) == 1


def test_unstage_leaves_nothing(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    write_release(publish.stage(home, "r1"))
    publish.unstage(home, "r1")
    assert list(home.releases.iterdir()) == []


def test_rollback_flips_back(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    publish_release(home, "r1", 1)
    publish_release(home, "r2", 2)
    publish.flip(home, "r1")
    assert (publish.current(home), number_shown(home)) == ("r1", 1)
    for wrong in ("r3", "../r1", ""):
        with pytest.raises(UsageError):
            publish.flip(home, wrong)
    home.release_file("r2").with_name("news.duckdb.wal").write_bytes(b"")
    with pytest.raises(PublishFailed, match="has written to this release"):
        publish.flip(home, "r2")
    assert number_shown(home) == 1


def test_prune_keeps_what_it_is_told_and_the_current_one(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    for number in range(1, 6):
        publish_release(home, f"r{number}", number)
    publish.flip(home, "r1")
    assert publish.prune(home, ["r4", "r5"]) == ["r2", "r3"]
    assert publish.release_ids(home) == ["r1", "r4", "r5"]
    assert publish.prune(home, []) == ["r4", "r5"]
    assert number_shown(home) == 1


def test_a_reader_of_a_pruned_release_reads_on(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    publish_release(home, "r1", 1, rows=50_000)
    with duckdb.connect(home.file, read_only=True) as connection:
        publish_release(home, "r2", 2)
        publish.prune(home, [])
        assert publish.release_ids(home) == ["r2"]
        assert connection.execute("select count(distinct title) from article").fetchall() == [(50_000,)]


@pytest.mark.parametrize("how", ["byte", "appended", "truncated", "gone", "log"])
def test_a_tampered_release_is_found_out(tmp_path: Path, how: str) -> None:
    home = make_home(tmp_path)
    recorded = publish_release(home, "r1")
    file = home.release_file("r1")
    file.chmod(0o644)
    assert publish.is_untouched(file, recorded), "a chmod alone changes no byte"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    match how:
        case "byte":
            file.write_bytes(content)
            os.utime(file, ns=(recorded.mtime_ns, recorded.mtime_ns))
        case "appended":
            file.write_bytes(file.read_bytes() + b"x")
        case "truncated":
            os.truncate(file, 100)
        case "gone":
            file.unlink()
        case "log":
            file.with_name("news.duckdb.wal").write_bytes(b"")
    assert not publish.is_untouched(file, recorded)


def test_a_copy_with_the_same_bytes_is_untouched(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    recorded = publish_release(home, "r1")
    file = home.release_file("r1")
    shutil.copy(file, tmp_path / "copy")
    os.replace(tmp_path / "copy", file)
    assert publish.is_untouched(file, recorded)


WRITE_AND_CRASH = """
import os, signal, sys, duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("update ops.release set number = 666")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_reader_that_writes_and_crashes_harms_no_later_publish(tmp_path: Path) -> None:
    """As root a driver can open the 0444 file for writing; its log then lies beside the link or beside the release."""
    home = make_home(tmp_path)
    recorded = publish_release(home, "r1", 1)
    done = run_python(WRITE_AND_CRASH, home.file)
    if done.returncode != -9:
        pytest.skip("only root can open a 0444 file for writing")
    assert not publish.is_untouched(home.release_file("r1"), recorded)
    if home.stray_wal.exists():
        with pytest.raises(PublishFailed):
            publish.check_no_stray_wal(home)
        home.stray_wal.unlink()
    publish_release(home, "r2", 2)
    assert number_shown(home) == 2
    publish.prune(home, [])
    assert publish.release_ids(home) == ["r2"]


PUBLISH = """
import sys
from pathlib import Path
from tests.warehouse.making import publish_release
from tests.proofs.killed import arm
from warehouse.release import publish
from warehouse.home import Home
from warehouse.lock import hold
home = Home.of(Path(sys.argv[1]))
if sys.argv[2]:
    arm(sys.argv[2])
with hold(home):
    publish.clean(home)
    publish_release(home, sys.argv[3], int(sys.argv[4]))
"""


_EDGES = [
    pytest.param(edge, is_first, marks=() if (edge, is_first) == ("after_link", False) else pytest.mark.slow)
    for edge in ("after_seal", "after_rename", "after_link", "after_flip")
    for is_first in (True, False)
]


@pytest.mark.parametrize(("edge", "is_first"), _EDGES)
def test_kill_9_at_each_edge_of_publish_leaves_a_whole_release(tmp_path: Path, edge: str, is_first: bool) -> None:
    home = make_home(tmp_path)
    if not is_first:
        publish_release(home, "r1", 1)
    assert run_python(PUBLISH, home.file, edge, "r2", 2).returncode == -9
    if edge == "after_flip" or not is_first:
        assert number_shown(home) == (2 if edge == "after_flip" else 1)
    else:
        assert not os.path.lexists(home.file)
    done = run_python(PUBLISH, home.file, "", "r3", 3)
    assert done.returncode == 0, done.stderr
    assert number_shown(home) == 3
    publish.prune(home, ["r1"])
    assert publish.leftovers(home) == []
    assert sorted(path.name for path in home.file.parent.iterdir()) == ["news.duckdb", "news.duckdb.d"]


def test_clean_removes_leftovers_and_nothing_else(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    publish_release(home, "r1")
    publish.stage(home, "r2")
    (home.releases / "r3").mkdir()
    (home.releases / "note.txt").write_text("mine")
    (home.folder / "state.json.tmp").write_text("")
    (tmp_path / ".news.duckdb.link.tmp").symlink_to("x")
    (home.temp / "spill-dead").mkdir()
    found = publish.leftovers(home)
    assert len(found) == 5
    assert sorted(publish.clean(home)) == sorted(found)
    assert publish.leftovers(home) == []
    assert sorted(path.name for path in home.releases.iterdir()) == ["note.txt", "r1"]
    assert number_shown(home) == 1


def test_a_full_disk_publishes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = make_home(tmp_path)
    publish_release(home, "r1", 1)
    write_release(publish.stage(home, "r2"), 2)

    def refuse(is_folder: bool, path: Path) -> None:
        if path.is_dir() == is_folder:
            raise OSError(28, "No space left on device")

    for is_folder in (False, True):
        with monkeypatch.context() as patch:
            patch.setattr(publish, "fsync", partial(refuse, is_folder))
            with pytest.raises(PublishFailed, match="No space left"):
                publish.publish(home, "r2")
        assert number_shown(home) == 1


def test_a_read_only_mount_publishes_nothing_and_readers_read(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "8m") as disk:
        home = make_home(disk)
        publish_release(home, "r1", 1)
        write_release(publish.stage(home, "r2"), 2)
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with pytest.raises(PublishFailed, match="Read-only file system"):
            publish.publish(home, "r2")
        with pytest.raises(PublishFailed, match="Read-only file system"):
            publish.flip(home, "r1")
        assert number_shown(home) == 1


READER = """
import sys, time, duckdb
file, is_holding, stop = sys.argv[1], sys.argv[2] == "hold", sys.argv[3]
last, reads, kept = 0, 0, []
print("ready", flush=True)
while True:
    import os
    is_last = os.path.exists(stop)
    connection = duckdb.connect(file, read_only=True)
    number, rows = connection.execute("select number, row_count from ops.release").fetchone()
    found = connection.execute("select count(*), count(distinct title), max(title) from article").fetchone()
    assert found[:2] == (rows, rows) and found[2].endswith(f" of {number}"), (number, rows, found)
    assert number >= last, (number, last)
    last, reads = number, reads + 1
    kept.append(connection)
    for old in kept[: -1 if is_holding else None]:
        old.close()
    del kept[: -1 if is_holding else None]
    if is_last:
        break
print(last, reads)
"""


@pytest.mark.slow
def test_readers_see_whole_releases_in_order_while_many_are_published(tmp_path: Path) -> None:
    """Two that connect in loops and one that keeps an old connection open while it makes a new one."""
    home = make_home(tmp_path)
    publish_release(home, "r0", 0, rows=200)
    stop = tmp_path / "stop"
    children = [start_python(READER, home.file, how, stop) for how in ("loop", "loop", "hold")]
    try:
        for child in children:
            assert wait_ready(child) == "ready"
        for number in range(1, 31):
            publish_release(home, f"r{number}", number, rows=200 + number)
            publish.prune(home, [f"r{number - 1}", f"r{number - 2}"])
        stop.touch()
        for child in children:
            last, reads = (int(word) for word in wait_ready(child).split())
            assert child.wait(timeout=30) == 0
            assert last == 30
            assert reads > 3
    finally:
        for child in children:
            end(child)
