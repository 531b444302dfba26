"""The comparison: what it measures, what it counts, what it says, with a stand-in for newsmart."""

import sys
from pathlib import Path

import pytest

from tests.benchmarks import compare, contenders, corpus, measure
from tests.benchmarks.compare_report import Comparison, markdown, write
from tests.benchmarks.measure import Cost
from tests.benchmarks.summary import CountsDifferError, Line, check_counts, full_lines

STAND_IN = """
import json, sys
from pathlib import Path
from tests.benchmarks.floor import parse
arguments = sys.argv[1:]
if arguments[0] == "run":
    counts = parse(Path(arguments[arguments.index("--source") + 1].partition("=")[2]))
    file = Path(arguments[arguments.index("--warehouse") + 1])
    documents = {"seen": counts["documents"], "quarantined": 0}
    print(json.dumps({"documents": documents, "mentions": counts["mentions"], "as_of": "2026-01-01T00:00:00Z"}))
"""


def cost(wall: float, documents: object = 10, mentions: int = 30, peak: int = 1_000_000) -> Cost:
    return Cost(wall, wall, peak, {"documents": documents, "mentions": mentions})


def test_measures_the_whole_process_tree() -> None:
    # Linux counts the largest size that the process had before its exec, which is that of its parent: this one.
    bytearray(500_000_000)
    child = "import time; held = bytearray(150_000_000); time.sleep(0.6)"
    parent = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}] , check=True); print('{{\"a\": 1}}')"
    )
    found = measure.measure([sys.executable, "-c", parent], 30)
    assert 0.6 < found.wall_seconds < 20
    assert 150_000_000 < found.peak_bytes < 400_000_000
    assert found.output == {"a": 1}


def test_failure_and_slowness_end_with_the_reason() -> None:
    with pytest.raises(measure.ContenderError, match=r"(?s)exit 3 .*no such thing"):
        measure.measure([sys.executable, "-c", "import sys; sys.stderr.write('no such thing'); sys.exit(3)"], 30)
    with pytest.raises(measure.ContenderError, match="exit -9"):
        measure.measure([sys.executable, "-c", "import time; time.sleep(30)"], 0.3)


def test_contenders_must_count_the_same() -> None:
    newsmart = cost(1, {"seen": 11, "quarantined": 1})
    assert check_counts({"newsmart": [newsmart], "script": [cost(9)]}) == (10, 30)
    with pytest.raises(CountsDifferError):
        check_counts({"newsmart": [newsmart], "script": [cost(9, mentions=31)]})
    with pytest.raises(CountsDifferError):
        check_counts({"newsmart": [newsmart], "script": [cost(9, documents=9)]})


def test_ratios_and_promises() -> None:
    costs = {"newsmart": [cost(1), cost(2), cost(9)], "script": [cost(18)], "floor": [cost(0.4)]}
    script, floor, memory = full_lines(costs, "long")
    assert (script.value, script.is_kept) == (9, True)
    assert (floor.value, floor.is_kept) == (5, False)
    assert (memory.value, memory.is_kept) == (1, True)


def test_table_names_every_contender_and_promise(tmp_path: Path) -> None:
    found = Comparison("10 documents", {"newsmart": [cost(1)], "script": [cost(8)]}, [Line("speed", 8, "x", 7, True)])
    assert write(found, tmp_path) == markdown(found)
    assert "| an afternoon's script | 8.00 s | 8.00 s | 1 MB | 8.00 |" in markdown(found)
    assert "| speed | 8.00 x | at least 7 x | kept |" in markdown(found)
    assert (tmp_path / "benchmark.png").read_bytes().startswith(b"\x89PNG")
    assert {path.name for path in tmp_path.iterdir()} == {"benchmark.png", "benchmark.md", "benchmark.json"}


@pytest.mark.parametrize("is_folder", [pytest.param(False, marks=pytest.mark.slow), True])
def test_one_command_compares_all(is_folder: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stand_in = tmp_path / "stand_in.py"
    stand_in.write_text(f"import sys\nsys.path.insert(0, {str(measure.ROOT)!r})\n{STAND_IN}", encoding="utf-8")
    given = ["--documents", "40", "--kind", "short"]
    if is_folder:
        corpus.generate(tmp_path / "real", 40, "short")
        given = ["--folder", str(tmp_path / "real")]
    command = [*given, "--runs", "1", "--only-full", "--newsmart", f"{sys.executable} {stand_in}"]
    assert compare.main(command) == 0
    assert "**40 documents" in capsys.readouterr().out


def test_script_and_floor_count_alike(tmp_path: Path) -> None:
    corpus.generate(tmp_path / "corpus", 60, "long")
    tools = contenders.Tools(("newsmart",))
    commands = [contenders.full_load(name, tools, tmp_path / "corpus", tmp_path) for name in ("script", "floor")]
    script, floor = (measure.measure(command, 60) for command in commands)
    assert contenders.counted(script) == contenders.counted(floor)
    assert contenders.counted(script)[0] == 60
