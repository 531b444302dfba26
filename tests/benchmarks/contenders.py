"""Who is compared, as commands. Each reads a folder, keeps its result in a new place and ends with one JSON line."""

import sys
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measure import ROOT, Cost
from tests.environments import make_python

DLT = "dlt[duckdb]==1.31.*"
SOURCE_NAME = "bench"
SUFFIXES = frozenset((".md", ".markdown", ".txt", ".yaml", ".yml"))


@dataclass(frozen=True, slots=True)
class Tools:
    """Where the contenders' programs are. `dlt_python` is None where dlt does not take part."""

    newsmart: tuple[str, ...]
    dlt_python: Path | None = None


def newsmart_command() -> tuple[str, ...]:
    """Return the installed command beside this Python, else the module."""
    installed = Path(sys.executable).with_name("newsmart")
    return (str(installed),) if installed.exists() else (sys.executable, "-m", "flows.cli")


def dlt_environment(folder: Path) -> Path:
    """Make an environment with dlt in a folder, and return its Python: its pins must not meet the project's."""
    return make_python(folder, DLT, "pyyaml")


def names(tools: Tools) -> tuple[str, ...]:
    """Return the contenders of a full load, newsmart first."""
    return ("newsmart", "script", *(("dlt",) if tools.dlt_python else ()), "floor")


def full_load(name: str, tools: Tools, source: Path, into: Path) -> list[str]:
    """Return the command by which a contender loads a folder for the first time. `into` is an empty folder."""
    file = str(into / "news.duckdb")
    if name == "newsmart":
        return run_newsmart(tools, source, into)
    if name == "dlt":
        return [str(tools.dlt_python), str(ROOT / "tests" / "benchmarks" / "dlt_pipeline.py"), str(source), file]
    return [sys.executable, "-m", f"tests.benchmarks.{name}", str(source), *([file] if name == "script" else [])]


def run_newsmart(tools: Tools, source: Path, into: Path) -> list[str]:
    """Return the command of a newsmart run; the first is a full load, later ones are increments."""
    file = str(into / "news.duckdb")
    return [*tools.newsmart, "run", "--source", f"{SOURCE_NAME}={source}", "--warehouse", file, "--direct", "--json"]


def build_newsmart(tools: Tools, into: Path, as_of: str, file: Path) -> list[str]:
    """Return the command that builds a release from the ledger alone."""
    warehouse = str(into / "news.duckdb")
    return [*tools.newsmart, "build", "--as-of", as_of, "--to", str(file), "--warehouse", warehouse]


def document_files(source: Path) -> list[Path]:
    """Return a folder's documents, sorted."""
    found = (path for path in source.rglob("*") if path.suffix in SUFFIXES)
    return sorted(path for path in found if not path.name.startswith((".", "README.")))


def find_floor(source: Path) -> list[str]:
    """Return the command that lists every file with size and time: what a look for changes costs at least."""
    return ["find", str(source), "-type", "f", "-printf", "%p %s %T@\\n"]


def counted(cost: Cost) -> tuple[int, int]:
    """Return the documents and mentions that a contender says it took in."""
    documents = cost.output["documents"]
    if isinstance(documents, dict):
        return int(documents["seen"]) - int(documents["quarantined"]), int(cost.output["mentions"])
    return int(documents), int(cost.output["mentions"])
