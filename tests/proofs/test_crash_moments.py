"""The short form of the crash proof: random moments, on the seeds; `python -m tests.proofs.crash` is the long one."""

from pathlib import Path

import pytest

from tests.proofs.crash import Scene, interrupt, kill_at_moment, seed_scenes

SEEDS = [0, 1, pytest.param(2, marks=pytest.mark.slow)]  # even ones interrupt a first run, odd ones a change


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> list[Scene]:
    return seed_scenes(tmp_path_factory.mktemp("scenes"))


@pytest.mark.parametrize("seed", SEEDS)
def test_kill_9_at_a_random_moment_costs_nothing(scenes: list[Scene], tmp_path: Path, seed: int) -> None:
    shown = kill_at_moment(scenes[seed % 2], tmp_path / "out", seed, workers=2)
    assert set(shown) <= {"none", "before", "new"}


@pytest.mark.parametrize("seed", SEEDS)
def test_ctrl_c_ends_with_130_and_nothing_half_done(scenes: list[Scene], tmp_path: Path, seed: int) -> None:
    assert interrupt(scenes[seed % 2], tmp_path / "out", seed, workers=2) in ("none", "before", "new")
