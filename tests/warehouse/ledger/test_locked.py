"""How much memory a run may use, by its documents and URLs."""

import pytest

from warehouse.ledger.locked import memory_for, recording_memory_for


@pytest.mark.parametrize(
    ("documents", "setting", "limit"),
    [
        pytest.param(5, "", "64MB", id="the least"),
        pytest.param(1_000_000, "", "600MB", id="a million"),
        pytest.param(1_000_000, "2GB", "2GB", id="as set"),
    ],
)
def test_memory_for_recording(documents: int, setting: str, limit: str) -> None:
    assert recording_memory_for(documents, setting) == limit


@pytest.mark.parametrize(
    ("urls", "setting", "large_bytes", "limit"),
    [
        pytest.param(5, "", 0, "350MB", id="the least"),
        pytest.param(1_000_000, "", 0, "350MB", id="those of 250,000 documents take no more"),
        pytest.param(3_800_000, "", 0, "1140MB", id="those of a million documents"),
        pytest.param(5, "", 141_000_000, "1055MB", id="thirty of the largest documents that are taken"),
        pytest.param(5, "", 10**10, "2350MB", id="no more than 2 GB for these"),
        pytest.param(3_800_000, "2GB", 10**10, "2GB", id="as set"),
    ],
)
def test_memory_for_building(urls: int, setting: str, large_bytes: int, limit: str) -> None:
    assert memory_for(urls, setting, large_bytes) == limit
