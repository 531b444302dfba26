"""The README is kept true: its generated parts are what the code says, its commands exist."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from schemas.declarations import Table
from schemas.tables import ALL_TABLES
from tests.readme import README, rendered, subcommands

TEXT = README.read_text(encoding="utf-8")
ROOT = README.parent


def test_generated_parts_are_up_to_date() -> None:
    assert rendered(TEXT) == TEXT, "run `python -m tests.readme`"


@pytest.mark.parametrize("name", sorted(subcommands()))
def test_every_command_is_told(name: str) -> None:
    assert f"newsmart {name}" in TEXT


@pytest.mark.parametrize("table", ALL_TABLES, ids=lambda table: str(table.name))
def test_every_table_is_told(table: Table) -> None:
    assert f"{table.name}`" in TEXT


def _shell_lines() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith("newsmart ")]


@pytest.mark.parametrize("line", _shell_lines())
def test_every_command_line_parses(line: str) -> None:
    words = shlex.split(line, comments=True)[1:]
    from flows.cli import build_parser

    assert build_parser().parse_args(words).handler


def test_the_two_commands_are_there() -> None:
    assert len(re.findall(r"<!-- (?:run|tests) -->\n```sh\n.+\n```", TEXT)) == 2


def test_local_links_lead_somewhere() -> None:
    targets = [target for target in re.findall(r"\]\(([^)]+)\)", TEXT) if "://" not in target]
    missing = [target for target in targets if not (ROOT / target).exists()]
    assert targets and not missing


def test_output_shown_is_real_output(tmp_path: Path) -> None:
    """The block under the run command is what the command prints, but for times and names."""
    shown = re.search(r"<!-- generated: run -->\n```text\n(.*?)```", TEXT, re.DOTALL)
    assert shown is not None
    command = [sys.executable, "-m", "flows.cli", "run", "--direct", "--warehouse", str(tmp_path / "news.duckdb")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=dict(os.environ))
    assert _shape(done.stdout, tmp_path) == _shape(shown[1], Path("warehouse"))


def _shape(output: str, folder: Path) -> list[str]:
    lines = [
        line for line in output.replace(str(folder), "FOLDER").splitlines() if not re.match(r"\w+ [0-9.]+ s$", line)
    ]
    return [re.sub(r"[0-9]{8}T[0-9.]+Z(-\w+)?|[0-9.]+ s", "#", line.split("releases/")[0]) for line in lines]
