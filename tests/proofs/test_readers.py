"""The short form of the reader proof; `python -m tests.proofs.readers` is the long one."""

from pathlib import Path

import pytest

from tests.proofs.publisher import Publisher
from tests.proofs.readers import prove_reading
from tests.proofs.tampering import prove_tampering


def test_readers_are_never_blocked_and_never_see_half_a_refresh(tmp_path: Path) -> None:
    told = prove_reading(Publisher(tmp_path), releases=2, readers=1, holders=1)
    assert told["reads"] > told["releases_seen"] > 1


@pytest.mark.slow
def test_a_program_that_writes_into_a_release_and_crashes_harms_no_later_one(tmp_path: Path) -> None:
    ways = prove_tampering(Publisher(tmp_path))
    if not ways:
        pytest.skip("only root can write into a sealed file")
    assert len(ways) == 4
