"""The short form of the crash proof: every edge, on the seeds; `python -m tests.proofs.crash` is the long one.

The scene of a change is the harder one (there is a release to keep and a ledger to continue), so every edge is tried on
it, and those that a first run alone could get wrong on that one too.
"""

from pathlib import Path

import pytest

from tests.proofs.crash import Scene, kill_at_edge, seed_scenes
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
