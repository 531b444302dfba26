"""Whose code runs: a user's own packages and modules have the names of ours, or of what we import."""

import os
import subprocess
import sys
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.proofs.scene import ROOT, SEEDS

OURS = ("flows", "schemas", "warehouse")
IMPORTED = ("yaml", "json", "argparse", "signal", "socket", "pickle", "duckdb", "pyarrow", "prefect")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A user's project whose every module leaves a trace where it is run."""
    trap = "import os\nopen(os.path.join({here!r}, 'RAN-' + __name__), 'w').close()\n"
    text = trap.format(here=str(tmp_path))
    for name in OURS:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(text)
    (tmp_path / "flows" / "cli.py").write_text(text)
    for name in IMPORTED:
        (tmp_path / f"{name}.py").write_text(text)
    return tmp_path


def call(folder: Path, *command: object, path: str = ".") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*map(str, command)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "PREFECT_HOME": str(folder / "prefect-home")},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def script() -> Path:
    found = Path(sys.executable).with_name("newsmart")
    if not found.is_file():
        pytest.skip("newsmart is not installed beside this interpreter")
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "--direct", "--workers", "2", "--full-refresh"),
        pytest.param(("run", "--direct", "--workers", "1"), marks=pytest.mark.slow),
        pytest.param(("run",), marks=pytest.mark.slow),
    ],
)
def test_pythonpath_runs_nothing_of_the_users(project: Path, arguments: tuple[str, ...]) -> None:
    given = ("--source", f"news={SEEDS}", "--warehouse", project / "out" / "news.duckdb", "--quiet")
    done = call(project, script(), *arguments, *given)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(project.glob("RAN-*")) == []


def test_the_program_is_an_entry_point_beside_our_packages() -> None:
    """pip makes an entry point executable, and one that works in a folder with spaces; a script it only copies."""
    installed = distribution("newsmart")
    assert [(e.name, e.value) for e in installed.entry_points] == [("newsmart", "newsmart_script:main")]
    found = find_spec("newsmart_script")
    assert found is not None and found.origin is not None
    assert Path(found.origin).read_text() == (ROOT / "flows" / "newsmart_script.py").read_text(), "uv sync is due"


def test_none_of_our_modules_imports_it() -> None:
    """An installation has it beside our packages, and so not as `flows.newsmart_script`."""
    modules = [path for layer in OURS for path in (ROOT / layer).rglob("*.py")]
    assert [
        path
        for path in modules
        if "import newsmart_script" in (text := path.read_text()) or "flows.newsmart_script" in text
    ] == []


def test_what_only_pythonpath_has_is_still_found(project: Path) -> None:
    (project / "only_here.py").write_text("")
    code = (
        f"import sys; sys.path.append({str(ROOT)!r}); from flows.newsmart_script import put_pythonpath_last; "
        "put_pythonpath_last(); import only_here, json; print(json.__file__)"
    )
    for name in OURS:
        (project / name / "__init__.py").unlink()
        (project / name).rename(project / f"not-{name}")
    done = call(project, sys.executable, "-P", "-c", code)
    assert done.returncode == 0, done.stderr
    assert not Path(done.stdout.strip()).is_relative_to(project)
