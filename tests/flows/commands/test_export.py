"""`newsmart export` as it is called: what it says, and how it ends."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from flows.cli import main
from tests.readme import READMES
from tests.warehouse.export.exports import small_warehouse
from tests.warehouse.making import run_python


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_warehouse(tmp_path_factory.mktemp("export"))


def test_it_tells_what_was_written_and_then_that_nothing_was(
    file: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "deep" / "out"
    command = ["export", "--warehouse", str(file), "--to", str(to)]

    assert main([*command, "--json"]) == 0
    told: dict[str, Any] = json.loads(capfd.readouterr().out)
    assert main(command) == 0
    again = capfd.readouterr().out

    manifest = json.loads((to / "manifest.json").read_bytes())
    sizes = [one["size"] for table in manifest["tables"] for one in table["files"]]
    assert told.pop("seconds") > 0
    assert told == {
        "format": "parquet",
        "to": str(to),
        "release_id": manifest["release_id"],
        "as_of": manifest["as_of"],
        "fingerprint": "f",
        "exported": True,
        "folder": manifest["folder"],
        "tables": 2,
        "rows": 3,
        "files": 2,
        "bytes": sum(sizes),
        "removed": [],
    }
    assert again == f"{to} shows {manifest['release_id']} already; nothing to do\n"


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (["--to", "out", "--data-path", "x"], "--data-path goes with --format ducklake"),
        (["--to", "out", "--ducklake-python", "x"], "--ducklake-python goes with --format ducklake"),
        (["--to", "ftp://host/x"], "exports go to a folder or to s3://BUCKET/PREFIX: ftp://"),
        (["--to", "/dev/null"], "not a folder: /dev/null"),
        (["--to", "out", "--format", "orc"], "argument --format: invalid choice"),
    ],
)
def test_a_wrong_call_is_exit_2(file: Path, more: list[str], line: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--warehouse", str(file), *more]) == 2
    assert capfd.readouterr().err.startswith(f"newsmart: {line}")


def test_there_must_be_a_release(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--warehouse", str(tmp_path / "none.duckdb"), "--to", str(tmp_path / "out")]) == 2
    assert "there is no release yet" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_line_and_exit_1(file: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--warehouse", str(file), "--to", "/proc/out"]) == 1
    assert capfd.readouterr().err == "newsmart: cannot make the export's folder: /proc/out: No such file or directory\n"


FULL = """
import resource, sys
from flows.cli import main
resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))
sys.exit(main(sys.argv[1:]))
"""


def test_a_full_disk_is_one_line_and_exit_1_and_leaves_nothing(file: Path, tmp_path: Path) -> None:
    done = run_python(FULL, "export", "--warehouse", file, "--to", tmp_path / "out")

    assert done.returncode == 1
    assert re.fullmatch(r"newsmart: the disk refused: [^\n]*/out/[^\n]*: File too large [^\n]*\n", done.stderr)
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".newsmart-export.lock"]


def test_the_lines_of_the_readme_read_an_export(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = "".join(readme.read_text(encoding="utf-8") for readme in READMES)
    (code,) = re.findall(r"<!-- export -->\n```python\n(.*?)```", texts, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    assert main(["export", "--warehouse", str(file), "--to", "exports", "--quiet"]) == 0
    seen: list[Any] = []
    shown = [
        f"shown.append({line})" if re.match(r"(duckdb|polars|pyarrow)\.", line) else line for line in code.splitlines()
    ]

    exec("\n".join(shown).replace("main.fact_mention", "main.dim_topic"), {"shown": seen})

    assert [len(seen[0].fetchall()), seen[1].collect().height, seen[2].count_rows()] == [2, 2, 2]
