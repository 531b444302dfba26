"""Where commands write: never into the warehouse, and never into this folder because a variable was empty."""

import hashlib
import os
from pathlib import Path

import pytest

from flows.cli import main
from tests.documents import make_document
from tests.newsroom import Newsroom


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    made = Newsroom.below(tmp_path_factory.mktemp("places"))
    made.write("a.md", make_document("A"))
    made.run()
    return made


def content(room: Newsroom) -> dict[str, str]:
    """Return each file of the warehouse by its digest, and where FILE points."""
    folder = Path(f"{room.warehouse}.d")
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "lock"]
    digests = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return digests | {"link": os.readlink(room.warehouse)}


REPORT = ("report",)
WRITERS = (
    REPORT,
    ("export",),
    ("export", "--format", "duckdb"),
    ("export", "--format", "ducklake"),
    ("export", "--format", "ducklake", "--to", "lake.db", "--data-path"),
    ("backup",),
    ("build", "--as-of", "2024-01-02"),
)
PLACES = ("", ".wal", ".d", ".d/ledger.duckdb", ".d/state.json", ".d/new", ".d/tmp/../new")


# `Home.check_outside` judges for all commands: every place by one of them, two places by the others.
@pytest.mark.parametrize(
    ("command", "place"),
    [
        pytest.param(
            command,
            place,
            id=f"{' '.join(command)}-{place}",
            marks=() if command == REPORT or place in ("", ".d/new") else pytest.mark.slow,
        )
        for command in WRITERS
        for place in PLACES
    ],
)
def test_nothing_is_written_over_the_warehouse_or_into_it(
    room: Newsroom, command: tuple[str, ...], place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = content(room)
    option = () if command[-1] == "--data-path" else ("--to",)
    target = f"{room.warehouse}{place}"
    status = main([*command, *option, target, "--warehouse", str(room.warehouse)])
    told = capsys.readouterr().err
    assert (status, len(told.splitlines())) == (2, 1), told
    assert content(room) == before
    assert not os.path.lexists(f"{room.warehouse}.wal")


@pytest.mark.parametrize(
    "call",
    [
        ("report", "--to"),
        ("export", "--to"),
        ("export", "--format", "ducklake", "--to", "lake.db", "--data-path"),
        ("backup", "--to"),
        ("restore", "--force", "--from"),
        ("build", "--as-of", "2024-01-02", "--to"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("empty", ["", " "])
def test_a_place_that_is_empty_is_wrong_usage(
    room: Newsroom,
    tmp_path: Path,
    call: tuple[str, ...],
    empty: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*call, empty, "--warehouse", str(room.warehouse)]) == 2
    assert "takes a place, and none is given" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_status_says_why_it_exits_with_1(room: Newsroom, capsys: pytest.CaptureFixture[str]) -> None:
    call = ["status", "--warehouse", str(room.warehouse), "--max-age", "0.001s", "--max-run-age", "1d"]
    assert main(call) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("newsmart: the release is older than it may be, 0 s: it is ")


def test_a_parameter_that_is_not_declared_gets_its_hint(room: Newsroom, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "select $days", "--warehouse", str(room.warehouse)]) == 2
    assert "declare it in the SQL's opening comment: `-- $days integer = 28" in capsys.readouterr().err
