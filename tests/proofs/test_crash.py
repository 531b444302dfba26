"""The short form of the crash proof: every edge and a few moments on the seeds; `python -m tests.proofs.crash` is long.

The scene of a change is the harder one (there is a release to keep and a ledger to continue), so every edge is tried on
it, and those that a first run alone could get wrong on that one too.
"""

from pathlib import Path

import pytest

from tests.proofs.crash import Scene, interrupt, kill_at_edge, kill_at_moment, seed_scenes
from warehouse.faults import EDGES

FLIPPED = EDGES[EDGES.index("after_flip") :]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Scene]:
    return seed_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.mark.parametrize("edge", EDGES)
def test_kill_9_at_each_edge_costs_nothing(scenes: list[Scene], tmp_path: Path, edge: str) -> None:
    _, changed = scenes
    assert kill_at_edge(changed, tmp_path / "out", edge) == ("new" if edge in FLIPPED else "before")


@pytest.mark.parametrize("edge", ["during_record", "after_link", "after_flip"])
def test_kill_9_in_the_first_run_costs_nothing(scenes: list[Scene], tmp_path: Path, edge: str) -> None:
    first, _ = scenes
    assert kill_at_edge(first, tmp_path / "out", edge) == ("new" if edge in FLIPPED else "none")


@pytest.mark.parametrize("seed", range(3))
def test_kill_9_at_a_random_moment_costs_nothing(scenes: list[Scene], tmp_path: Path, seed: int) -> None:
    shown = kill_at_moment(scenes[seed % 2], tmp_path / "out", seed, workers=2)
    assert set(shown) <= {"none", "before", "new"}


@pytest.mark.parametrize("seed", range(3))
def test_ctrl_c_ends_with_130_and_nothing_half_done(scenes: list[Scene], tmp_path: Path, seed: int) -> None:
    assert interrupt(scenes[seed % 2], tmp_path / "out", seed, workers=2) in ("none", "before", "new")
