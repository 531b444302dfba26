"""How much memory a run may use, by its documents and URLs."""

import pytest

from warehouse.ledger.locked import memory_for, recording_memory_for


@pytest.mark.parametrize(
    ("documents", "setting", "limit"),
    [
        pytest.param(5, "", "96MB", id="the least"),
        pytest.param(1_000_000, "", "600MB", id="a million"),
        pytest.param(1_000_000, "2GB", "2GB", id="as set"),
    ],
)
def test_memory_for_recording(documents: int, setting: str, limit: str) -> None:
    assert recording_memory_for(documents, setting) == limit


@pytest.mark.parametrize(
    ("urls", "setting", "limit"),
    [
        pytest.param(5, "", "350MB", id="the least"),
        pytest.param(1_000_000, "", "350MB", id="those of 250,000 documents take no more"),
        pytest.param(3_800_000, "", "1140MB", id="those of a million documents"),
        pytest.param(3_800_000, "2GB", "2GB", id="as set"),
    ],
)
def test_memory_for_building(urls: int, setting: str, limit: str) -> None:
    assert memory_for(urls, setting) == limit
