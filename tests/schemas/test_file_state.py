"""The numbers of a file, whatever the system says."""

import pytest

from schemas.file_state import FileState, cut_state

MOST = 2**63 - 1


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ((3, 5, 4, 7), (3, 5, 4, 7)),
        ((3, 13_569_465_600 * 10**9, 4, 7), (3, MOST, 4, 7)),
        ((3, -(2**64), 4, 7), (3, -MOST, 4, 7)),
        ((3, 5, 2**63, 7), (3, 5, MOST, 7)),
        ((2**64 - 1, 5, 4, 7), (MOST, 5, 4, 7)),
        ((3, 5, 4, 2**63 + 9), (3, 5, 4, 9)),
        ((MOST, MOST, MOST, MOST), (MOST, MOST, MOST, MOST)),
    ],
)
def test_numbers_are_cut_to_what_can_be_kept(told: FileState, kept: FileState) -> None:
    assert cut_state(*told) == kept
