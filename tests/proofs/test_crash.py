"""The short form of the crash proof: edges and moments, on the seeds; `python -m tests.proofs.crash` is the long one.

The scene of a change is the harder one (there is a release to keep and a ledger to continue), so edges are tried on it,
and those that a first run alone could get wrong on that one too. By default only those at which something becomes
lasting are: the ledger's commit, the release's build, its link and the flip; `-m slow` tries the others.
"""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from tests.proofs.crash import (
    Scene,
    interrupt,
    kill_as_root,
    kill_at_edge,
    kill_at_moment,
    on_full_disk,
    seed_scenes,
)
from tests.proofs.killed import EDGES, INCREMENTAL_EDGES

LASTING = ("during_record", "after_flip")
# Even ones break off a first run, odd ones a change.
SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (0, 2))]
FLIPPED = list(EDGES)[list(EDGES).index("after_flip") :]


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Scene]:
    return seed_scenes(tmp_path_factory.mktemp("scenes"))


def edges(tried: Sequence[str], lasting: Sequence[str] = LASTING) -> list[ParameterSet]:
    """Return these edges as parameters, those that are not lasting marked slow."""
    return [pytest.param(edge, marks=() if edge in lasting else pytest.mark.slow) for edge in tried]


@pytest.mark.parametrize("edge", edges(list(EDGES)))
def test_kill_9_at_each_edge_costs_nothing(scenes: list[Scene], tmp_path: Path, edge: str) -> None:
    _, changed, _ = scenes
    assert kill_at_edge(changed, tmp_path / "out", edge) == ("new" if edge in FLIPPED else "before")


@pytest.mark.parametrize("edge", edges([*EDGES, *INCREMENTAL_EDGES], lasting=["after_rows"]))
def test_kill_9_of_a_run_that_starts_from_the_last_release(scenes: list[Scene], tmp_path: Path, edge: str) -> None:
    _, _, small = scenes
    assert kill_at_edge(small, tmp_path / "out", edge) == ("new" if edge in FLIPPED else "before")


@pytest.mark.parametrize("edge", edges(["during_record", "after_link", "after_flip"], lasting=["after_link"]))
def test_kill_9_in_the_first_run_costs_nothing(scenes: list[Scene], tmp_path: Path, edge: str) -> None:
    first, _, _ = scenes
    assert kill_at_edge(first, tmp_path / "out", edge) == ("new" if edge in FLIPPED else "none")


@pytest.mark.parametrize("seed", SEEDS)
def test_kill_9_at_a_random_moment_costs_nothing(scenes: list[Scene], tmp_path: Path, seed: int) -> None:
    shown = kill_at_moment(scenes[seed % 2], tmp_path / "out", seed, workers=2)
    assert set(shown) <= {"none", "before", "new"}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_ctrl_c_ends_with_130_and_nothing_half_done(scenes: list[Scene], tmp_path: Path, seed: int) -> None:
    assert interrupt(scenes[seed % 2], tmp_path / "out", seed, workers=2) in ("none", "before", "new")


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (0, 2, 3))])
def test_sigterm_ends_with_143_and_nothing_half_done(scenes: list[Scene], tmp_path: Path, seed: int) -> None:
    shown = interrupt(scenes[seed % 2], tmp_path / "out", seed, workers=2, number=signal.SIGTERM)
    assert shown in ("none", "before", "new")


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (0, *range(2, 12)))])
def test_a_disk_that_is_full_at_any_moment_costs_nothing(scenes: list[Scene], tmp_path: Path, seed: int) -> None:
    assert on_full_disk(scenes[seed % 2], tmp_path / "out", seed) in ("none", "before", "new")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run in a warehouse that is another user's and keep it so")
@pytest.mark.parametrize("edge", edges(list(EDGES), lasting=("after_link",)))
def test_kill_9_of_a_run_by_root_leaves_all_to_the_owner(scenes: list[Scene], tmp_path: Path, edge: str) -> None:
    _, changed, _ = scenes
    assert kill_as_root(changed, tmp_path / "out", edge) == ("new" if edge in FLIPPED else "before")
