"""The shape of the project: which way imports point, and what only one module may do."""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LAYERS = ("schemas", "warehouse", "flows")
ROOMS = {
    "flows": ("sources", "reading", "readers", "pipeline", "scheduling", "commands"),
    "warehouse": ("ledger", "release", "queries", "report", "export", "upkeep"),
}
MODULES = sorted(path.relative_to(ROOT) for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
TREES = {module: ast.parse((ROOT / module).read_text(encoding="utf-8")) for module in MODULES}
MAX_LINES = 400
# What a newcomer opens first: the command line, the flows, the scheduler.
ABOVE = {"flows/cli.py", "flows/refresh.py", "flows/maintenance.py", "flows/serve.py"}


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of every module that is imported anywhere in the tree, functions included."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def attributes(tree: ast.AST) -> Iterator[str]:
    """Yield every dotted name that is used, such as `os.environ`, as it is written."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield f"{node.value.id}.{node.attr}"


def users_of(*names: str) -> set[str]:
    """Return the modules that use or import one of these names."""
    return {str(module) for module, tree in TREES.items() if {*attributes(tree), *imported(tree)} & set(names)}


def tops(tree: ast.AST) -> set[str]:
    """Return the first components of the names imported."""
    return {name.partition(".")[0] for name in imported(tree)}


def test_imports_point_from_flows_to_warehouse_to_schemas() -> None:
    above = {layer: {*LAYERS[LAYERS.index(layer) + 1 :], "tests"} for layer in LAYERS}

    assert [str(module) for module, tree in TREES.items() if tops(tree) & above[module.parts[0]]] == []


def test_within_a_layer_imports_point_from_later_packages_to_earlier_ones() -> None:
    """A module beside the packages, such as the settings, is for all of them, but for those of ABOVE.

    The service names what it runs: the worker serves the flows, which stand above it.
    """
    found = {str(module): later_packages(module) for module in MODULES if str(module) not in ABOVE}

    assert {module: packages for module, packages in found.items() if packages} == {}


def later_packages(module: Path) -> set[str]:
    """Return the packages of its own layer that a module imports and that come after its own."""
    layer = module.parts[0]
    rooms = ROOMS.get(layer, ())
    own = rooms.index(module.parts[1]) + 1 if rooms and len(module.parts) > 2 else 0
    named = {name.split(".")[1] for name in imported(TREES[module]) if name.startswith(f"{layer}.")}
    return named & set(rooms[own:])


@pytest.mark.parametrize("layer", ROOMS)
def test_tests_stand_where_what_they_test_stands(layer: str) -> None:
    """A folder is named after a package, a test module beside the folders after a module beside the packages."""
    tests = ROOT / "tests"
    rooms = [path.parent.relative_to(tests) for path in (tests / layer).rglob("__init__.py")]
    beside = [path.name.removeprefix("test_") for path in (tests / layer).glob("test_*.py")]

    assert [str(room) for room in rooms if not (ROOT / room / "__init__.py").is_file()] == []
    assert [name for name in beside if not (ROOT / layer / name).is_file()] == []


def test_imports_are_absolute() -> None:
    relative = {
        str(module)
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.level
    }

    assert relative == set()


def test_only_the_flows_and_scheduling_import_prefect() -> None:
    importers = {str(module) for module, tree in TREES.items() if "prefect" in tops(tree)}

    assert {"flows/refresh.py", "flows/maintenance.py"} <= importers
    assert {name for name in importers - ABOVE if not name.startswith("flows/scheduling/")} == set()


def test_who_starts_prefects_processes_does_without_prefect() -> None:
    """Its settings are read at import, so they have to be there before; and `--direct` needs none of it."""
    modules = ("flows.serve", "flows.commands.run", "flows.pipeline.direct")
    code = f"import sys, {', '.join(modules)}; sys.exit('prefect' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_only_settings_reads_the_environment() -> None:
    assert users_of("os.environ", "os.getenv", "os.environb") == {"flows/settings.py"}


def test_only_one_module_opens_duckdb() -> None:
    """But for the script that runs under another interpreter, which has nothing of ours."""
    assert users_of("duckdb.connect") == {"warehouse/db.py", "warehouse/export/ducklake_writer.py"}


def test_the_writer_for_another_interpreter_needs_nothing_of_ours() -> None:
    needed = tops(TREES[Path("warehouse/export/ducklake_writer.py")])

    assert needed - sys.stdlib_module_names == {"duckdb"}


def test_nobody_prints_but_the_commands() -> None:
    printers = {
        module
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    }

    assert {str(module) for module in printers if "commands" not in module.parts and module.name != "cli.py"} == set()


def test_nobody_asserts() -> None:
    found = {
        str(module) for module, tree in TREES.items() if any(isinstance(node, ast.Assert) for node in ast.walk(tree))
    }

    assert found == set()


def test_a_module_says_why_it_is_so_and_is_not_too_long() -> None:
    lines = {str(module): len((ROOT / module).read_text(encoding="utf-8").splitlines()) for module in MODULES}

    assert [str(module) for module, tree in TREES.items() if not ast.get_docstring(tree)] == []
    assert {module: count for module, count in lines.items() if count > MAX_LINES} == {}


def test_an_sql_file_opens_with_what_it_makes() -> None:
    files = sorted((ROOT / "warehouse" / "sql").rglob("*.sql"))

    assert files
    assert [path.name for path in files if not path.read_text(encoding="utf-8").startswith("-- ")] == []


def test_no_group_is_possessive() -> None:
    """CPython before 3.11.5 (gh-106052) loses the first character of what such a group holds; Debian 12 has 3.11.2."""
    nodes = [node for tree in TREES.values() for node in ast.walk(tree)]
    texts = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    patterns = [re.sub(r"\[(?:\\.|[^]\\])*\]", "x", text) for text in texts if ")" in text]
    assert [pattern for pattern in patterns if re.search(r"\)(?:[*+?]|\{[0-9,]+\})\+|\(\?>", pattern)] == []
