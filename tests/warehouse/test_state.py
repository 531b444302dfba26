"""state.json: whole or as it was before, and told where it makes no sense."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from schemas.errors import RunFailed
from tests.warehouse.making import make_home, run_python
from warehouse.home import Home
from warehouse.lock import hold
from warehouse.state import VERSION, State, read_state, write_state


def test_what_was_written_is_read(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    state: State = {"run": {"run_id": "a"}, "quarantine": [{"path": "é\u2028"}], "pin": None}
    write_state(home, state)
    assert read_state(home) == {**state, "version": VERSION}
    assert [path.name for path in home.folder.glob("state*")] == ["state.json"]


def test_no_state_is_none(tmp_path: Path) -> None:
    assert read_state(make_home(tmp_path)) is None
    assert read_state(Home.of(tmp_path / "nowhere" / "n")) is None
    (tmp_path / "plain.d").write_text("")
    assert read_state(Home.of(tmp_path / "plain")) is None


def test_it_is_read_while_a_run_holds_the_warehouse(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    write_state(home, {"run": {}})
    with hold(home):
        assert read_state(home) == {"run": {}, "version": VERSION}


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b"null", b"5", b"{}", b'{"version": "1"}', b'{"version": true}', b"\xff", b"[" * 200_000),
        b'{"version": ' + b"1" * 5_000 + b"}",
    ],
)
def test_a_damaged_state_is_a_clear_error(tmp_path: Path, content: bytes) -> None:
    home = make_home(tmp_path)
    home.state.write_bytes(content)
    with pytest.raises(RunFailed, match="state is damaged"):
        read_state(home)


RELEASE = {
    "release_id": "r1",
    "as_of": "2026-11-20T00:00:00Z",
    "published_at": "2026-11-20T00:00:00Z",
    "file": {"sha256": "0", "size": 1, "mtime_ns": 1, "ctime_ns": 1, "inode": 1},
    "documents": 1,
    "articles": 1,
    "mentions": 1,
}


WRONG: dict[str, list[object]] = {
    "run": [[], 5, {"finished_at": 5}, {"finished_at": "soon"}, {"status": [1]}, {"notices": 5}, {"audits": [5]}],
    "balance": [[], {"seen": "x"}, {"seen": 10**400}, {"seen": True}],
    "quarantine": [{}, [5], [{"path": []}]],
    "drift": [{}, ["x"]],
    "release": [[], "x", {}, {**RELEASE, "as_of": 5}, {**RELEASE, "articles": "x"}],
    "releases": [5, [5], [{**RELEASE, "release_id": "../../x"}], [{**RELEASE, "file": {}}], [{**RELEASE, "file": 5}]],
    "pin": [[]],
    "takedown": [[1], "0001-01-01T00:00:00+14:00"],
    "balance_run_id": [{}],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_what_is_of_another_shape_is_damaged(tmp_path: Path, name: str, value: object) -> None:
    home = make_home(tmp_path)
    home.state.write_text(json.dumps({"version": 1, "release": RELEASE, "releases": [RELEASE], name: value}))
    with pytest.raises(RunFailed, match=f"state is damaged: .*{name} is not as it should be"):
        read_state(home)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_file_is_damaged_and_gives_way(tmp_path: Path, make: Callable[[Path], None]) -> None:
    home = make_home(tmp_path)
    make(home.state)
    with pytest.raises(RunFailed, match=r"state is damaged: .*no file"):
        read_state(home)
    write_state(home, {"run": {}})
    assert read_state(home) == {"run": {}, "version": VERSION}


def test_a_newer_state_is_not_guessed_at(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    home.state.write_text(json.dumps({"version": VERSION + 1}))
    with pytest.raises(RunFailed, match="newer newsmart"):
        read_state(home)


def test_a_file_name_that_is_no_unicode_survives(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    name = os.fsdecode(b"a\xff.md")
    write_state(home, {"quarantine": [{"path": name}]})
    state = read_state(home)
    assert state is not None and state["quarantine"][0]["path"] == name


@pytest.mark.parametrize("step", ["os.fsync", "os.replace"])
def test_a_full_disk_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    home = make_home(tmp_path)
    write_state(home, {"run": {"n": 1}})

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(f"warehouse.durable.{step}", refuse)
    with pytest.raises(RunFailed, match="No space left"):
        write_state(home, {"run": {"n": 2}})
    monkeypatch.undo()
    assert read_state(home) == {"run": {"n": 1}, "version": VERSION}
    assert [path.name for path in home.folder.glob("state*")] == ["state.json"]


def test_kill_9_while_writing_never_leaves_half_a_state(tmp_path: Path) -> None:
    home = make_home(tmp_path)
    write_state(home, {"run": {"n": 0}})
    code = """
import os, signal, sys, threading
from pathlib import Path
from warehouse.home import Home
from warehouse.state import write_state
home = Home.of(Path(sys.argv[1]))
threading.Timer(float(sys.argv[2]), os.kill, (os.getpid(), signal.SIGKILL)).start()
n = 0
while True:
    n += 1
    write_state(home, {"run": {"n": n, "text": "x" * 100_000}})
"""
    for attempt in range(4):
        assert run_python(code, home.file, 0.05 + attempt / 37).returncode == -9
        state = read_state(home)
        assert state is not None and ("text" not in state["run"] or len(state["run"]["text"]) == 100_000)
