"""`newsmart check`: the verdict of a run without one, told so that no name and no value becomes a command."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flows.cli import main
from flows.readers import local
from flows.sources.walk import Found, Unlistable
from tests.documents import Plain, make_document, make_mention
from tests.newsroom import Newsroom
from tests.proofs.scene import ROOT

BAD = make_document(quality=-1, related=[make_mention("listed", "ftp://example.com/listed")])
NOTICED = make_document(url="https://example.com/noticed", excerpt=Plain("the prize #1 and more"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with documents in `news`: one good, one bad, one with a notice."""
    monkeypatch.chdir(tmp_path)
    news = tmp_path / "news"
    news.mkdir()
    (news / "a.md").write_text(make_document())
    (news / "b.md").write_text(BAD)
    (news / "c.md").write_text(NOTICED)
    return news


def _check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["check", *arguments])
    out, err = capsys.readouterr()
    return status, out, err


def _rows(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(_check(capsys, *arguments, "--json")[1])
    return rows


def test_it_says_what_quarantine_says_after_a_run(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    room = Newsroom(folder, folder.parent / "out" / "news.duckdb")
    room.run(max_quarantine=1.0)
    place = ("--warehouse", str(room.warehouse), "--json")
    told = []
    for is_notice, more in ((False, ()), (True, ("--notices",))):
        assert main(["quarantine", *place, *more]) == 0
        for row in json.loads(capsys.readouterr().out):
            told.append({**row, "is_notice": is_notice, "first_seen_at": None, "last_seen_at": None})
    status, out, _ = _check(capsys, "news", "--json")
    checked = json.loads(out)
    assert status == 1
    assert len(checked) == 3
    assert [list(row) for row in checked] == [list(told[0])] * 3
    assert sorted(map(str, checked)) == sorted(map(str, told))


def test_lines_name_file_line_and_column_as_an_editor_reads_them(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    status, out, err = _check(capsys, "news/b.md", str(folder / "c.md"))
    *lines, notice, counted = out.splitlines()
    assert (status, err, counted) == (1, "", "2 documents checked: 2 problems, 1 notice")
    for line, value in zip(lines, ("-1", '"ftp://example.com/listed"'), strict=True):
        file, row, column = line.partition(" ")[0].split(":")
        assert file == "news/b.md"
        assert Path(file).read_text().splitlines()[int(row) - 1][int(column) - 1 :] == value
    assert notice.startswith(f"{folder}/c.md:")
    assert notice.endswith(" (a notice: it is accepted)")


def test_notices_alone_are_no_failure_and_nothing_is_written(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in [folder.parent, *folder.parent.rglob("*")]}
    assert _check(capsys, "news/a.md", "news/c.md")[0] == 0
    assert _check(capsys, "news/a.md", "--quiet") == (0, "", "")
    assert _check(capsys, "news/c.md", "--quiet")[1].count("\n") == 1
    assert _check(capsys, "news")[0] == 1
    assert {path: path.stat().st_mtime_ns for path in [folder.parent, *folder.parent.rglob("*")]} == before


def test_what_is_no_document_is_said(capsys: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "README.md").write_text("")
    (folder / "empty").mkdir()
    os.mkfifo(folder / "pipe.md")
    status, out, err = _check(capsys, "news/README.md", "news/a.md")
    assert (status, out) == (0, "1 document checked: 0 problems, 0 notices\n")
    assert err.startswith("newsmart: not checked: news/README.md is no document by its name (documents end in .md, ")
    for arguments, said in (
        (("news/README.md",), "there is no document to check: news/README.md"),
        (("news/empty",), "there is no document to check: news/empty"),
        (("news/pipe.md",), "there is no document to check: news/pipe.md"),
        (("news/none.md",), "no such file or folder: news/none.md"),
        (("news/a.md", "no\x1b\0"), "no such file or folder: no\\x1b\\x00"),
        (("news/a.md", "--json", "--format", "github"), "argument --format: not allowed with argument --json"),
        ((), "the following arguments are required: PATH"),
    ):
        status, out, err = _check(capsys, *arguments)
        assert (status, out, err.splitlines()[-1].startswith(f"newsmart: {said}")) == (2, "", True), err


def test_what_a_run_leaves_out_is_left_out_here(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "link.md").symlink_to("nowhere")
    os.close(os.open(os.fsencode(folder) + b"/\xff.md", os.O_CREAT))
    for path, warning in (("news", "newsmart: skipped news/link.md: broken_link\n"), ("news/\udcff.md", "")):
        status, out, err = _check(capsys, path, "--json")
        assert (status, err) == (1, warning)
        bad = [row["path"] for row in json.loads(out) if row["reason"] == "bad_name"]
        assert bad == ["\\xff.md (escaped)"]
    (folder / "link.md").unlink()
    (folder / "link.md").symlink_to("../news/b.md")
    assert {row["path"] for row in _rows(capsys, "news/link.md")} == {"link.md"}

    found = Found("news", unlistable=[Unlistable("news", "closed", "Permission denied")])
    monkeypatch.setattr("flows.commands.check.walk", lambda *_: found)
    status, _, err = _check(capsys, "news")
    assert status == 1
    assert err.startswith("newsmart: folders could not be listed: news/closed: Permission denied")


HOSTILE = "::error::100%\x1b[2J\x9b\u202e##[add-path]x,y"


@pytest.fixture
def hostile(folder: Path) -> Iterator[str]:
    """A document whose path and values are made to be taken for commands."""
    name = f"{HOSTILE}.md"
    text = make_document(url=f"ftp:{HOSTILE}".replace("\x9b", ""))
    (folder.parent / name).write_text(text)
    yield name


def test_a_workflow_command_says_where_and_what(capsys: pytest.CaptureFixture[str], hostile: str) -> None:
    status, out, _ = _check(capsys, ".//news/b.md", "news/c.md", hostile, "--format", "github")
    lines = out.splitlines()
    assert status == 1
    rows = _rows(capsys, "news/b.md")
    start = [
        f"::error file=news/b.md,line={row['line']},col={row['column']}"
        f"::.//news/b.md:{row['line']}:{row['column']} {row['field']}: "
        for row in rows
    ]
    assert all(line.startswith(expected) for line, expected in zip(lines, start, strict=False))
    assert lines[2].startswith("::notice file=news/c.md,line=")
    name = r"%3A%3Aerror%3A%3A100%25\x1b[2J\x9b\u202e##\u005badd-path]x%2Cy.md"
    assert lines[3].startswith(f"::error file={name},line=")
    assert "found 'ftp:::error::100%25" in lines[3]
    assert lines[-1] == "3 documents checked: 3 problems, 1 notice"


@pytest.mark.parametrize("form", ["text", "github", "json"])
def test_no_name_and_no_value_becomes_a_command(capsys: pytest.CaptureFixture[str], hostile: str, form: str) -> None:
    how = ("--json",) if form == "json" else ("--format", form)
    Path("news", hostile).symlink_to("nowhere")
    _, out, err = _check(capsys, hostile, "news/a.md", "news", *how)
    assert "skipped news/::error::100%" in err
    for line in (out + err).splitlines():
        assert "##[" not in line
        assert line.isprintable()
        assert not line.lstrip().startswith("::") or (
            form == "github" and re.match("::(error|notice) file=(%3A%3A|news/)", line)
        )
    assert "\x1b" not in out
    if form == "json":
        assert (".", hostile) in [(row["source"], row["path"]) for row in json.loads(out)]


def test_many_documents_are_read_by_several_processes(
    capsys: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        (folder / f"{number:03}.md").write_text(BAD)
    alone = _rows(capsys, "news")
    begun = []
    close = local.LocalReaders.close

    def note(self: local.LocalReaders) -> None:
        begun.append(self.has_started)
        close(self)

    monkeypatch.setattr("flows.commands.check.core_count", lambda: 2)
    monkeypatch.setattr(local, "_WORTH_PROCESSES", 0)
    monkeypatch.setattr(local.LocalReaders, "close", note)
    assert _rows(capsys, "news") == alone
    assert any(begun)
    assert [row["path"] for row in alone] == sorted(row["path"] for row in alone)


def test_it_starts_without_what_it_does_not_need(folder: Path) -> None:
    code = (
        "import sys; from flows.cli import main; main(['check', sys.argv[1]]); sys.stderr.write(' '.join(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder / "a.md")], capture_output=True, text=True, check=True, cwd=ROOT
    )
    loaded = {name for name in done.stderr.split() if name in ("duckdb", "prefect", "asyncio", "requests", "yaml")}
    assert loaded <= {"requests"}
