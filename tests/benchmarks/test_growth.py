"""Growth and build floor: what they measure and print, with a stand-in for newsmart where it would take long."""

import sys
from pathlib import Path

import pytest

from tests.benchmarks import build_floor, growth, measure
from tests.benchmarks.growth import Stage, promises
from tests.benchmarks.measure import Cost
from tests.benchmarks.test_compare import STAND_IN
from tests.warehouse.seed_releases import make_release


def load(documents: int, wall: float, peak: int) -> Stage:
    return Stage(documents, "first load", Cost(wall, wall, peak, {}), 1, 1)


def test_growth_compares_each_size_with_the_one_before() -> None:
    memory, time = promises([load(10, 1, 1_000_000), load(100, 13, 2_100_000_000)])
    assert (memory.value, memory.is_kept) == (2_100, False)
    assert time.value == pytest.approx(1.3)
    assert not time.is_kept


def test_growth_has_a_row_for_each_stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stand_in = tmp_path / "stand_in.py"
    stand_in.write_text(f"import sys\nsys.path.insert(0, {str(measure.ROOT)!r})\n{STAND_IN}", encoding="utf-8")
    given = ["--documents", "5", "--in", str(tmp_path), "--newsmart", sys.executable, str(stand_in)]
    assert growth.main(given) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| 5 |")]
    assert [row.split(" | ")[1] for row in rows] == [
        "first load",
        "nothing changed",
        "one document changed",
        "whole rebuild",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["stand_in.py"]


def test_a_build_and_its_floor_write_the_same_tables(tmp_path: Path) -> None:
    found = build_floor.compare(make_release("seeds", tmp_path), turns=1)
    assert found["mentions"] == 30
    assert found["times_its_cpu"] > 0
    assert found["file_mb"] == pytest.approx(found["floor_file_mb"], rel=0.2)
