"""Harlequin, a SQL editor for the terminal, answers a question; in an environment of its own."""

import subprocess
from pathlib import Path

import pytest

from tests.environments import python_with
from warehouse.db import release_connection

ASK = """
import asyncio, sys
from harlequin import Harlequin
from harlequin_duckdb import DuckDbAdapter
from textual.coordinate import Coordinate

async def ask(file):
    app = Harlequin(DuckDbAdapter((file,), read_only=True), connection_hash="test")
    async with app.run_test(size=(120, 36)) as pilot:
        for _ in range(100):
            await pilot.pause(0.1)
            if app.editor is not None and app.connection is not None:
                break
        app.editor.text = "select count(*) as n from articles"
        await pilot.pause(0.3)
        await pilot.press("ctrl+j")
        for _ in range(100):
            await pilot.pause(0.1)
            table = app.results_viewer.get_visible_table()
            if table is not None and table.row_count:
                return table.get_cell_at(Coordinate(0, 0))

print("counted", asyncio.run(ask(sys.argv[1])))
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_harlequin_answers_a_question(file: Path, tmp_path: Path) -> None:
    python = python_with(tmp_path / "venv", "harlequin")
    home = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "TERM": "xterm-256color"}
    done = subprocess.run(
        [python, "-c", ASK, str(file)], capture_output=True, text=True, timeout=90, check=False, env=home
    )
    with release_connection(file) as connection:
        row = connection.execute("select count(*) from articles").fetchone()
    assert row is not None
    assert done.stdout.splitlines()[-1:] == [f"counted {row[0]}"], done.stderr[-2000:]
