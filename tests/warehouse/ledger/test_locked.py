"""How much memory a run may use, by its documents."""

import pytest

from warehouse.ledger.locked import memory_for, recording_memory_for


@pytest.mark.parametrize(
    ("documents", "setting", "recording", "building"),
    [
        pytest.param(5, "", "96MB", "350MB", id="the least"),
        pytest.param(100_000, "", "96MB", "350MB", id="a hundred thousand take no more"),
        pytest.param(1_000_000, "", "600MB", "3500MB", id="a million"),
        pytest.param(1_000_000, "2GB", "2GB", "2GB", id="as set"),
    ],
)
def test_memory_for_recording_and_building(documents: int, setting: str, recording: str, building: str) -> None:
    assert recording_memory_for(documents, setting) == recording
    assert memory_for(documents, setting) == building
