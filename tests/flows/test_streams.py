"""Commands under streams that are closed, full or of another encoding: what is done counts, and nothing is torn."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.streams import escaped
from tests.documents import make_document
from tests.newsroom import Newsroom
from tests.proofs.scene import COMMAND, ROOT, look

CLOSED = [">&-", "2>&-", "<&-", ">&- 2>&- <&-"]
FULL = ["> /dev/full", "2> /dev/full", "> /dev/full 2> /dev/full"]
HEAD = '| head -c 1 > /dev/null; exit "${PIPESTATUS[0]}"'
NOT_WRITTEN = "newsmart: cannot write to stdout: No space left on device"

needs_dev_full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")


def under(
    redirect: str, *arguments: object, is_buffered: bool = True, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command under a shell's redirections; with buffered streams and without, a fault shows at another time."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    unbuffered = {} if is_buffered else {"PYTHONUNBUFFERED": "1"}
    return subprocess.run(
        ["bash", "-c", f'"$@" {redirect}', "bash", *COMMAND, *map(str, arguments)],
        cwd=ROOT,
        env={**kept, **unbuffered, **(environment or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding=(environment or {}).get("PYTHONIOENCODING", "utf-8"),
        timeout=100,
        check=False,
    )


@pytest.fixture
def room(newsroom: Newsroom) -> Newsroom:
    newsroom.write("a.md", make_document("Prix d’été 😀"))
    return newsroom


def run_arguments(room: Newsroom, *more: str) -> list[str]:
    return ["run", "--source", f"news={room.folder}", "--warehouse", str(room.warehouse), *more]


def check_quiet(done: subprocess.CompletedProcess[str]) -> None:
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert "unexpected" not in done.stderr


@pytest.mark.slow
@needs_dev_full
@pytest.mark.parametrize("is_buffered", [True, False])
@pytest.mark.parametrize("redirect", [*CLOSED, *FULL, HEAD])
def test_a_run_that_published_ends_with_0(room: Newsroom, redirect: str, is_buffered: bool) -> None:
    done = under(redirect, *run_arguments(room, "--direct", "--json"), is_buffered=is_buffered)
    assert done.returncode == 0, done.stderr
    check_quiet(done)
    look(room.warehouse)
    assert (NOT_WRITTEN in done.stderr) == (redirect == FULL[0])


@needs_dev_full
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "redirect", [">&- 2>&- <&-", *(pytest.param(one, marks=pytest.mark.slow) for one in (*CLOSED[:3], *FULL, HEAD))]
)
def test_a_flow_run_that_published_ends_with_0(room: Newsroom, tmp_path: Path, redirect: str) -> None:
    environment = {"PREFECT_HOME": str(tmp_path / "prefect")}
    done = under(redirect, *run_arguments(room), environment=environment)
    assert done.returncode == 0, done.stderr
    check_quiet(done)
    look(room.warehouse)


@pytest.mark.slow
@needs_dev_full
@pytest.mark.parametrize("is_buffered", [True, False])
@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("status", "--format", "prometheus"),
        ("releases",),
        ("query", "select * from range(20000)", "--format", "csv"),
    ],
)
def test_an_answer_that_is_lost_is_a_failure_and_one_that_nobody_wants_is_none(
    room: Newsroom, arguments: tuple[str, ...], is_buffered: bool
) -> None:
    room.run()
    asked = (*arguments, "--warehouse", room.warehouse)
    full = under("> /dev/full", *asked, is_buffered=is_buffered)
    assert (full.returncode, full.stderr) == (1, NOT_WRITTEN + "\n")
    for redirect in CLOSED:
        done = under(redirect, *asked, is_buffered=is_buffered)
        assert (done.returncode, done.stderr) == (0, "")
    cut = under(HEAD, *asked, is_buffered=is_buffered)
    assert (cut.returncode in (0, 141), cut.stderr) == (True, "")


@needs_dev_full
def test_work_that_is_done_counts_whoever_hears_of_it(room: Newsroom, tmp_path: Path) -> None:
    room.run()
    for number, arguments in enumerate((("report", "--to"), ("export", "--to"), ("backup", "--to"))):
        target = tmp_path / f"made{number}"
        done = under("> /dev/full", *arguments, target, "--warehouse", room.warehouse)
        assert (done.returncode, done.stderr) == (0, NOT_WRITTEN + "\n")
        assert target.exists()


@needs_dev_full
@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("run", "--help"), ("url", "http://example.com/a")])
def test_what_needs_no_warehouse_never_complains_at_its_end(arguments: tuple[str, ...]) -> None:
    for redirect in (*CLOSED, *FULL, HEAD):
        done = under(redirect, *arguments)
        assert done.returncode in (0, 1, 141)
        check_quiet(done)


def test_no_file_of_ours_becomes_stdout(room: Newsroom) -> None:
    """Under `>&-` the next file that is opened gets the number 1, and what is printed would go into it."""
    room.run()
    code = (
        "import os, sys; from flows.cli import main; import flows.commands.status as status\n"
        "def look(options):\n"
        "    sys.stderr.write(' '.join(os.readlink(f'/proc/self/fd/{n}') for n in (0, 1, 2) if n != 2)); return 0\n"
        "status.status = look; sys.exit(main(['status']))"
    )
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("descriptors cannot be looked at here")
    command = ["bash", "-c", '"$@" >&- <&-', "bash", sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "/dev/null /dev/null")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_titles_are_told_in_any_encoding(room: Newsroom, encoding: str) -> None:
    room.run()
    sql = "select title from articles"
    given = {"PYTHONIOENCODING": encoding, "LC_ALL": "C"}
    asked = ("query", sql, "--warehouse", room.warehouse, "--format")
    done = under("", *asked, "json", environment=given)
    assert (done.returncode, json.loads(done.stdout)) == (0, [{"title": "Prix d’été 😀"}])
    for form in ("csv", "table"):
        done = under("", *asked, form, environment=given)
        assert (done.returncode, "Prix d" in done.stdout) == (0, True)
        check_quiet(done)


def test_what_an_encoding_lacks_is_written_as_json_does() -> None:
    text = "é😀\ud800"
    told, end = escaped(UnicodeEncodeError("ascii", text, 0, len(text), "not in range"))
    assert (json.loads(f'"{told}"'), end) == (text, 3)
