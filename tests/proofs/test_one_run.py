"""One run at a time, and only what the umask lets others read."""

import json
import os
import stat
import subprocess
from functools import partial
from pathlib import Path

import pytest

from tests.proofs.crash import wait_for_lock
from tests.proofs.scene import COMMAND, ROOT, error_line, look, newsmart, run_arguments, write_source
from tests.warehouse.making import end, start_python, wait_ready
from warehouse.home import Home

slow = partial(pytest.param, marks=pytest.mark.slow)
FIRST, SECOND = "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z"

HOLD = """
import sys
from pathlib import Path
from warehouse.home import Home
from warehouse.lock import hold
with hold(Home.of(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_second_run_ends_with_3_and_names_the_first(tmp_path: Path) -> None:
    source = write_source(tmp_path / "news")
    home = Home.of(tmp_path / "news.duckdb")
    home.prepare()
    holder = start_python(HOLD, home.file)
    try:
        assert wait_ready(holder) == "held"
        for arguments in (run_arguments(source, home, FIRST), ["verify", "--warehouse", str(home.file)]):
            if arguments[0] == "verify":
                home.ledger.touch()
            done = newsmart(*arguments)
            assert done.returncode == 3
            assert f"pid {holder.pid}" in error_line(done)
            assert done.stdout == ""
        home.ledger.unlink()
    finally:
        end(holder)
    assert newsmart(*run_arguments(source, home, FIRST)).returncode == 0


def test_two_real_runs_at_once_give_one_release_and_one_refusal(tmp_path: Path) -> None:
    source = write_source(tmp_path / "news")
    home = Home.of(tmp_path / "news.duckdb")
    command = [*COMMAND, *run_arguments(source, home, FIRST)]
    first = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    wait_for_lock(home, first)
    os.kill(first.pid, 19)  # SIGSTOP: it holds the lock for as long as the second one looks
    try:
        second = newsmart(*run_arguments(source, home, SECOND))
        stopped = (second.returncode, f"pid {first.pid}" in error_line(second))
    finally:
        os.kill(first.pid, 18)  # SIGCONT
        output, _ = first.communicate(timeout=60)
    assert stopped == (3, True)
    assert json.loads(output.splitlines()[-1])["published"]
    assert look(home.file).release_id in output


def test_kill_9_frees_the_warehouse(tmp_path: Path) -> None:
    source = write_source(tmp_path / "news")
    home = Home.of(tmp_path / "news.duckdb")
    done = newsmart(*run_arguments(source, home, FIRST), edge="after_lock")
    assert done.returncode == -9
    assert home.lock.stat().st_size > 0
    assert newsmart(*run_arguments(source, home, FIRST)).returncode == 0


@pytest.mark.parametrize(("umask", "others"), [slow(0o022, 0o044), slow(0o077, 0), (0o027, 0o040)])
def test_others_read_what_the_umask_says_and_never_the_ledger(tmp_path: Path, umask: int, others: int) -> None:
    source = write_source(tmp_path / "news")
    home = Home.of(tmp_path / "out" / "news.duckdb")
    command = [*COMMAND, *run_arguments(source, home, FIRST, "--full-refresh")]
    subprocess.run(command, cwd=ROOT, umask=umask, capture_output=True, check=True)
    files = {path: stat.S_IMODE(path.lstat().st_mode) for path in home.folder.rglob("*") if not path.is_symlink()}
    assert files.pop(home.ledger) == 0o600
    for path, mode in {**files, home.folder: stat.S_IMODE(home.folder.stat().st_mode)}.items():
        assert mode & umask == 0, path
        assert mode & 0o044 == others, path
        assert mode & 0o022 == 0, path
    assert files[home.release_file(look(home.file).release_id)] == 0o444 & ~umask


@pytest.mark.parametrize("kind", ["file", slow("foreign link"), "dangling link", slow("folder")])
def test_what_is_not_our_link_is_never_touched(tmp_path: Path, kind: str) -> None:
    source = write_source(tmp_path / "news")
    home = Home.of(tmp_path / "news.duckdb")
    other = tmp_path / "other.duckdb"
    other.write_bytes(b"somebody's")
    if kind == "file":
        home.file.write_bytes(b"somebody's")
    elif kind == "folder":
        home.file.mkdir()
    else:
        home.file.symlink_to("other.duckdb" if kind == "foreign link" else "nowhere.duckdb")
    before = sorted((path.name, path.lstat().st_mtime_ns) for path in tmp_path.iterdir())
    for arguments in (
        run_arguments(source, home, FIRST),
        ["rollback", "--warehouse", str(home.file)],
        ["backup", "--to", str(tmp_path / "copy"), "--warehouse", str(home.file)],
    ):
        done = newsmart(*arguments)
        assert done.returncode == 2
        assert str(home.file) in error_line(done)
    assert sorted((path.name, path.lstat().st_mtime_ns) for path in tmp_path.iterdir()) == before
    assert other.read_bytes() == b"somebody's"


@pytest.mark.slow
def test_a_log_beside_the_link_refuses_publication_and_says_so(tmp_path: Path) -> None:
    source = write_source(tmp_path / "news")
    home = Home.of(tmp_path / "news.duckdb")
    home.stray_wal.write_bytes(b"what a driver before 1.5 leaves")
    done = newsmart(*run_arguments(source, home, FIRST))
    assert done.returncode == 1
    assert str(home.stray_wal) in error_line(done)
    assert not os.path.lexists(home.file)
    assert newsmart("doctor", "--warehouse", home.file).returncode == 1
    home.stray_wal.unlink()
    assert newsmart(*run_arguments(source, home, FIRST)).returncode == 0
    assert newsmart("doctor", "--warehouse", home.file).returncode == 0
