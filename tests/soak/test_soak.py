"""Half a minute of the soak."""

from pathlib import Path

import pytest

from tests.soak.serve import Sample, growth, soak


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_half_a_minute(tmp_path: Path) -> None:
    outcome = soak(tmp_path, 0.5)
    assert outcome.faults == []
    assert outcome.edits >= 10
    assert outcome.runs >= 2


@pytest.mark.slow
@pytest.mark.timeout(480)
def test_the_schedule_goes_on_after_the_clock_was_set_back_by_days(tmp_path: Path) -> None:
    outcome = soak(tmp_path, 2.0, trouble=["clock"], trouble_seconds=40.0)
    assert outcome.faults == []
    assert outcome.troubles >= 2  # ten days ahead, and back


def test_growth_is_noticed() -> None:
    flat = [Sample(i, {"serve": 100, "server": 100, "worker": 100}, 1000) for i in range(60)]
    leaking = [Sample(i, {"serve": 100, "server": 100, "worker": 100 + 3 * i}, i * 10**6) for i in range(60)]
    assert growth(flat, 30) == []
    assert [fault.split(" from ")[0].split(" by ")[0] for fault in growth(leaking, 30)] == [
        "the memory of the worker grew",
        "Prefect's database grew",
    ]
