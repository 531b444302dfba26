"""One run at a time: who holds the lock is named, and it dies with its process."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from schemas.errors import LockedError, RunFailed
from tests.warehouse.making import end, make_home, start_python, wait_ready
from warehouse.durable import open_regular
from warehouse.home import Home
from warehouse.lock import hold, probe, read_holder

HOLD = """
import sys
from pathlib import Path
from warehouse.durable import open_regular
from warehouse.home import Home
from warehouse.lock import hold
with hold(Home.of(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_the_holder_is_named_while_it_holds_and_not_after(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    assert probe(home) is None
    with hold(home):
        holder = probe(home)
        assert holder is not None
        assert holder.pid == os.getpid()
        assert holder.started_at is not None
    assert probe(home) is None
    assert read_holder(home.lock) is None


def test_a_second_process_says_who_holds_it_with_status_3(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    child = start_python(HOLD, home.file)
    try:
        assert wait_ready(child) == "held"
        with pytest.raises(LockedError, match=rf"pid {child.pid}, since 2\d\d\d-") as caught, hold(home):
            pass
        assert caught.value.exit_status == 3
    finally:
        end(child)


def test_a_second_thread_of_the_same_process_is_refused_too(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    errors: list[Exception] = []

    def try_it() -> None:
        try:
            with hold(home):
                pass
        except LockedError as error:
            errors.append(error)

    with hold(home):
        thread = threading.Thread(target=try_it)
        thread.start()
        thread.join()
    assert len(errors) == 1


def test_kill_9_frees_the_lock_and_its_stale_text_harms_nothing(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    child = start_python(HOLD, home.file)
    assert wait_ready(child) == "held"
    end(child)
    stale = read_holder(home.lock)
    assert stale is not None and stale.pid == child.pid
    assert probe(home) is None
    with hold(home):
        holder = read_holder(home.lock)
        assert holder is not None and holder.pid == os.getpid()


@pytest.mark.parametrize(
    "text", [b"", b"{", b"\xff\x00", b"[1]", b'{"pid": "x", "host": 3}', b"9" * 20_000, b"[" * 9_000]
)
def test_unreadable_text_in_the_lock_harms_nothing(tmp_path: Path, text: bytes) -> None:
    home = make_home(tmp_path)
    home.lock.write_bytes(text)
    assert probe(home) is None
    with hold(home):
        assert json.loads(home.lock.read_bytes())["pid"] == os.getpid()


def test_an_unknown_holder_is_still_a_holder(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with hold(home):
        home.lock.write_bytes(b"garbage")
        assert str(probe(home)) == "unknown process"
        with pytest.raises(LockedError, match="unknown process"), hold(home):
            pass


def test_waiting_gets_the_lock_when_the_other_ends(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    child = start_python(HOLD, home.file)
    assert wait_ready(child) == "held"
    timer = threading.Timer(0.3, child.kill)
    timer.start()
    with hold(home, wait_seconds=20):
        assert child.wait() != 0
    end(child)


def test_a_lock_file_that_was_replaced_is_not_the_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody deletes and remakes the file between our open and our lock: the lock must be on the new file."""
    home = make_home(tmp_path)
    opened: list[Path] = []

    def open_then_replace(folder: Path, name: str, *flags: int) -> int:
        number = open_regular(folder, name, *flags)
        if not opened:
            home.lock.unlink()
            home.lock.write_bytes(b"")
        opened.append(folder)
        return number

    monkeypatch.setattr("warehouse.lock.open_regular", open_then_replace)
    with hold(home):
        assert len(opened) == 2
        assert probe(home) is not None


def test_a_child_started_by_exec_does_not_inherit_the_lock(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with hold(home):
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    try:
        with hold(home):
            assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_a_forked_worker_that_outlives_its_parent_does_not_hold_the_lock(tmp_path: Path) -> None:
    code = """
import os, sys, time
from pathlib import Path
from warehouse.durable import open_regular
from warehouse.home import Home
from warehouse.lock import hold
with hold(Home.of(Path(sys.argv[1]))):
    worker = os.fork()
    if worker == 0:
        os.close(1)
        time.sleep(60)
    print(worker, flush=True)
    os._exit(0)
"""
    home = make_home(tmp_path)
    parent = start_python(code, home.file)
    worker = int(wait_ready(parent))
    parent.wait()
    try:
        # The parent may end before the system has let the worker run its first step, which closes the lock.
        deadline = time.monotonic() + 10
        while probe(home) is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        with hold(home, wait_seconds=0):
            pass
        os.kill(worker, 0)
    finally:
        os.kill(worker, signal.SIGKILL)
        end(parent)


def test_a_block_that_fails_frees_the_lock(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    with pytest.raises(KeyError), hold(home):
        raise KeyError
    assert probe(home) is None


def test_a_lock_that_cannot_be_written_is_a_clear_failure(tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="cannot open the warehouse's lock"), hold(Home.of(tmp_path / "none" / "n")):
        pass


def test_a_file_system_without_flock_is_a_clear_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr("warehouse.durable.fcntl.flock", refuse)
    with pytest.raises(RunFailed, match="No locks available"), hold(make_home(tmp_path)):
        pass
