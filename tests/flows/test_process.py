"""Commands under streams that are closed, full or of another encoding: what is done counts, and nothing is torn."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli import main
from flows.process import escaped
from tests.conftest import PATIENCE_SECONDS
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
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.fixture
def room(newsroom: Newsroom) -> Newsroom:
    newsroom.write("a.md", make_document("Prix d’été 😀"))
    return newsroom


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Newsroom:
    """A warehouse with one release; nobody changes it."""
    room = Newsroom.below(tmp_path_factory.mktemp("published"))
    room.write("a.md", make_document("Prix d’été 😀"))
    room.run()
    return room


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


@pytest.mark.slow
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
    published: Newsroom, arguments: tuple[str, ...], is_buffered: bool
) -> None:
    asked = (*arguments, "--warehouse", published.warehouse)
    full = under("> /dev/full", *asked, is_buffered=is_buffered)
    assert (full.returncode, full.stderr) == (1, NOT_WRITTEN + "\n")
    for redirect in CLOSED:
        done = under(redirect, *asked, is_buffered=is_buffered)
        assert (done.returncode, done.stderr) == (0, "")
    cut = under(HEAD, *asked, is_buffered=is_buffered)
    assert (cut.returncode in (0, 141), cut.stderr) == (True, "")


@needs_dev_full
def test_problems_that_nobody_could_read_are_told_as_lost(tmp_path: Path) -> None:
    (tmp_path / "bad.md").write_text("no front matter")
    done = under("> /dev/full", "check", tmp_path / "bad.md")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (1, NOT_WRITTEN)


@needs_dev_full
@pytest.mark.parametrize(
    "command", ["backup", *(pytest.param(name, marks=pytest.mark.slow) for name in ("report", "export"))]
)
def test_a_command_that_changes_something_succeeds_though_its_output_is_lost(
    published: Newsroom, tmp_path: Path, command: str
) -> None:
    done = under("> /dev/full", command, "--to", tmp_path / "made", "--warehouse", published.warehouse)
    assert (done.returncode, done.stderr) == (0, NOT_WRITTEN + "\n")
    assert (tmp_path / "made").exists()


@needs_dev_full
@pytest.mark.parametrize(
    ("arguments", "redirects"),
    [
        (("--help",), (*CLOSED, *FULL, HEAD)),
        (("--version",), (CLOSED[0], FULL[0])),
        (("run", "--help"), (CLOSED[0], FULL[0])),
        (("url", "http://example.com/a"), (CLOSED[-1], FULL[-1], HEAD)),
    ],
)
def test_what_needs_no_warehouse_never_complains_at_its_end(
    arguments: tuple[str, ...], redirects: tuple[str, ...]
) -> None:
    for redirect in redirects:
        done = under(redirect, *arguments)
        assert done.returncode in (0, 1, 141)
        check_quiet(done)


def test_no_file_of_ours_becomes_stdout() -> None:
    """Under `>&-` the next file that is opened gets the number 1, and what is printed would go into it."""
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
def test_titles_are_told_in_any_encoding(published: Newsroom, monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    def ask(form: str) -> str:
        written = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
        sql = "select title from articles"
        assert main(["query", sql, "--warehouse", str(published.warehouse), "--format", form]) == 0
        return written.getvalue().decode(encoding)

    assert json.loads(ask("json")) == [{"title": "Prix d’été 😀"}]
    for form in ("csv", "table"):
        assert "Prix d" in ask(form)


def test_the_streams_encoding_is_the_environments(published: Newsroom) -> None:
    asked = ("query", "select title from articles", "--warehouse", published.warehouse, "--format", "json")
    done = under("", *asked, environment={"PYTHONIOENCODING": "ascii", "LC_ALL": "C"})
    assert (done.returncode, json.loads(done.stdout)) == (0, [{"title": "Prix d’été 😀"}])
    check_quiet(done)


def test_what_an_encoding_lacks_is_written_as_json_does() -> None:
    text = "é😀\ud800"
    told, end = escaped(UnicodeEncodeError("ascii", text, 0, len(text), "not in range"))
    assert (json.loads(f'"{told}"'), end) == (text, 3)
