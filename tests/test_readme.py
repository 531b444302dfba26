"""The READMEs are kept true: their generated parts are what the code says, their commands exist, their snippets run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from flows.cli import build_parser, main
from schemas.declarations import Table
from schemas.tables import ALL_TABLES
from tests.newsroom import Newsroom
from tests.readme import PARTS, README, READMES, ROOT, rendered, subcommands
from warehouse.home import Home

TEXTS = {file.relative_to(ROOT).as_posix(): file.read_text(encoding="utf-8") for file in READMES}
TOP = TEXTS[README.name]
ALL = "\n".join(TEXTS.values())


@pytest.mark.parametrize("name", TEXTS)
def test_generated_parts_are_up_to_date(name: str) -> None:
    assert rendered(TEXTS[name]) == TEXTS[name], "run `python -m tests.readme`"


@pytest.mark.parametrize("part", PARTS)
def test_every_generated_part_has_one_home(part: str) -> None:
    assert ALL.count(f"<!-- generated: {part} -->") == 1


def test_the_top_one_is_short() -> None:
    assert len(TOP.splitlines()) <= 250


def test_what_is_kept_for_whoever_looks_into_a_fault_is_told() -> None:
    place = Home.of(Path("FILE")).differing
    assert f"{place.parent.name}/{place.name} keeps the other release" in ALL


@pytest.mark.parametrize("name", sorted(subcommands()))
def test_every_command_is_told(name: str) -> None:
    assert f"newsmart {name}" in TOP


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: str(table.name))
def test_every_table_is_told(table: Table) -> None:
    assert f"{table.name}`" in TOP


def _shell_lines() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", ALL, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("newsmart ")]


@pytest.mark.parametrize("line", _shell_lines())
def test_every_command_line_parses(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    assert build_parser().parse_args(words).handler


def test_the_two_commands_are_there() -> None:
    assert len(re.findall(r"<!-- (?:run|tests) -->\n```sh\n.+\n```", TOP)) == 2


@pytest.mark.parametrize("name", TEXTS)
def test_local_links_lead_somewhere(name: str) -> None:
    targets = [target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", TEXTS[name]) if "://" not in target]
    assert [target for target in targets if not ((ROOT / name).parent / target).exists()] == []


@pytest.mark.parametrize("name", TEXTS)
def test_files_that_tables_and_headings_name_are_there(name: str) -> None:
    told = "\n".join(line for line in TEXTS[name].splitlines() if line.startswith(("|", "#")))
    folder = (ROOT / name).parent
    paths = re.findall(r"`((?:\w+/)+(?:\w+\.py)?)`", told)
    wrong = [path for path in paths if not (folder / path).exists() and not (ROOT / path).exists()]
    files = {path.name for path in folder.rglob("test_*.py")}
    wrong += [file for file in re.findall(r"`(test_\w+\.py)`", told) if file not in files]
    wrong += [one for one in re.findall(r"python -m (tests[.\w]+)", told) if not _is_program(one)]
    assert wrong == []


def _is_program(module: str) -> bool:
    return (ROOT / module.replace(".", "/")).with_suffix(".py").is_file()


def test_output_shown_is_real_output(tmp_path: Path) -> None:
    """The block under the run command is what the command prints, but for times and names."""
    shown = re.search(r"<!-- generated: run -->\n```text\n(.*?)```", TOP, re.DOTALL)
    assert shown is not None
    command = [sys.executable, "-m", "flows.cli", "run", "--direct", "--warehouse", str(tmp_path / "news.duckdb")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert _shape(done.stdout, tmp_path) == _shape(shown[1].replace("warehouse/news", "news"), tmp_path)


def _shape(output: str, folder: Path) -> list[str]:
    """Return the lines of an output without progress, folders, times and ids."""
    lines = output.replace(f"{folder}/", "").splitlines()
    changing = re.compile(r"[0-9]{8}T[0-9.]+Z(-\w+)?|[0-9-]{10}T[0-9:.]+Z|[0-9.]+ s\b")
    return [changing.sub("#", line).rstrip() for line in lines if not re.match(r"\w+ [0-9.]+ s$", line)]


def test_what_is_shown_of_commands_is_what_they_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (block,) = re.findall(r"<!-- prints -->\n```console\n(.*?)```", ALL, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "seeds", "seeds")
    Path("seeds/bad.md").write_text("---\ntitle: A prize\nquality: -1\nwebUrl: ftp://example.com/a\n---\n")
    for shown in block.removeprefix("$ ").split("\n$ "):
        line, _, output = shown.partition("\n")
        main(shlex.split(line)[1:])
        printed = "".join(capsys.readouterr())
        assert _shape(printed, tmp_path) == _shape(output, tmp_path), line


def test_the_first_commands_run_as_they_stand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = re.findall(r"<!-- ask -->\n```sh\n(.*?)```", TOP, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "seeds", "seeds")
    lines = [line for line in block.splitlines() if line.startswith("newsmart ")]
    for line in ("newsmart run --direct", *lines):
        assert main(shlex.split(line, comments=True)[1:]) == 0, line
    assert len(lines) == 9


def test_the_first_lines_of_python_need_nothing_that_is_not_installed(tmp_path: Path) -> None:
    """Without the development group there are no pandas and polars."""
    (code,) = re.findall(r"<!-- connect -->\n```python\n(.*?)```", TOP, re.DOTALL)
    room = Newsroom.below(tmp_path)
    room.write("a.md", (ROOT / "seeds").glob("*").__next__().read_text(encoding="utf-8"))
    room.run()
    hidden = "import sys; sys.modules |= dict.fromkeys(('pandas', 'polars'))\n"
    (room.warehouse.parent / "warehouse").symlink_to(".")
    command = [sys.executable, "-c", hidden + code]
    done = subprocess.run(command, cwd=room.warehouse.parent, capture_output=True, text=True, check=False)
    assert (done.returncode, "article_key" in done.stdout) == (0, True), done.stderr
