"""Environments that lack what most have: no HOME, no PATH, no locale, no temporary folder, no current folder."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.documents import make_document
from tests.newsroom import Newsroom
from tests.proofs.scene import ROOT

NOBODY = 61_234
CALL = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from flows.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A warehouse whose release no test here changes."""
    newsroom = Newsroom.below(tmp_path_factory.mktemp("room"))
    newsroom.write("a.md", make_document("Prix d’été 😀"))
    newsroom.run()
    return newsroom


def call(
    arguments: Sequence[str], folder: Path, before: str = "", **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command with just this environment, in a folder; `before` is Python that runs in it first."""
    return subprocess.run(
        [sys.executable, "-P", "-c", f"{before}\n{CALL}", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=110,
        check=False,
    )


@pytest.mark.parametrize("environment", [{}, {"TMPDIR": "/nowhere", "HOME": "/nowhere", "LC_ALL": "C"}])
def test_commands_need_no_environment(room: Newsroom, environment: dict[str, str]) -> None:
    place = ("--warehouse", str(room.warehouse))
    for arguments in (
        ("run", "--direct", "--quiet", "--source", f"news={room.folder}"),
        ("query", "select title from articles", "--format", "csv"),
        ("status",),
        ("report", "--to", str(room.folder.parent / "r.html")),
        ("doctor", "--quiet"),
    ):
        done = call([*arguments, *place], ROOT, **environment)
        assert (done.returncode, done.stderr) == (0, "")
        assert arguments[0] != "query" or done.stdout == "title\nPrix d’été 😀\n"


@pytest.mark.parametrize("command", [["run", "--direct", "--quiet"], ["status"], ["query", "select 1"]])
def test_a_current_folder_that_was_deleted_is_told_where_it_is_needed(
    room: Newsroom, tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "gone").mkdir()
    before = f"import os; os.rmdir({str(tmp_path / 'gone')!r})"
    done = call(command, tmp_path / "gone", before)
    assert (done.returncode, done.stderr) == (2, "newsmart: the current folder was deleted (go to another one)\n")
    (tmp_path / "gone").mkdir()
    source = ["--source", f"news={room.folder}"] if command[0] == "run" else []
    done = call([*command, *source, "--warehouse", str(room.warehouse)], tmp_path / "gone", before)
    assert (done.returncode, done.stderr) == (0, "")


LATIN = os.fsdecode(b"caf\xe9")
"""A name as a terminal in Latin-1 gives it."""


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", f"select '{LATIN}'"),
        ("purge", "--path", LATIN),
        ("purge", "--url", f"https://www.example.com/{LATIN}"),
        ("run", "--direct", "--source", f"{LATIN}=."),
        ("run", "--direct", "--source", f"./{LATIN}"),
        ("run", "--direct", "--source", ".", "--warehouse", f"{LATIN}/news.duckdb"),
        ("query", "select 1", "--warehouse", f"{LATIN}.duckdb"),
        ("build", "--as-of", "2020-01-01", "--to", f"{LATIN}.duckdb"),
    ],
)
def test_an_argument_that_is_no_utf8_is_wrong_usage(room: Newsroom, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / LATIN).mkdir()
    place = () if "--warehouse" in arguments else ("--warehouse", str(room.warehouse))
    done = call([*arguments, *place, "--quiet"], tmp_path)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("newsmart: ")
    assert "fault of newsmart" not in done.stderr
    assert not list((tmp_path / LATIN).iterdir())


def test_a_user_without_an_entry_and_a_home_can_import_prefect_all_the_same() -> None:
    """As in a container that is started with a number for a user; Prefect asks for the home when it is imported."""
    code = (
        f"import os, pwd, sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path\n"
        "pwd.getpwuid = {}.__getitem__\n"
        "from flows.cli import main; main(['url', 'x', '--quiet']); sys.stderr.write(str(Path.home()))"
    )
    command = [sys.executable, "-P", "-c", code]
    done = subprocess.run(command, env={}, capture_output=True, text=True, timeout=110, check=False)
    assert done.stderr == "/nonexistent"


def test_a_settings_file_in_a_folder_that_may_not_be_searched_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir()
    become = f"os.setuid({NOBODY})" if os.geteuid() == 0 else "None"
    code = (
        f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); from flows.settings import load_settings\n"
        f"os.chmod('.', 0); {become}\n"
        "try:\n    load_settings({})\nexcept Exception as error:\n"
        "    sys.stderr.write(f'{type(error).__name__} {error}')"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path / "closed",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (tmp_path / "closed").chmod(0o700)
    assert done.stderr.startswith("UsageError the settings file cannot be read: newsmart.toml: ")
