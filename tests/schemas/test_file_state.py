"""The numbers of a file, whatever the system says."""

import pytest

from flows.stores.contract import Numbers
from schemas.file_state import file_state

MOST = 2**63 - 1


@pytest.mark.parametrize(
    ("mtime_ns", "inode", "kept"),
    [
        (5, 7, (5, 7)),
        (13_569_465_600 * 10**9, 7, (MOST, 7)),
        (-(2**64), 7, (-MOST, 7)),
        (5, 2**63 + 9, (5, 9)),
        (MOST, MOST, (MOST, MOST)),
    ],
)
def test_numbers_are_cut_to_what_can_be_kept(mtime_ns: int, inode: int, kept: tuple[int, int]) -> None:
    assert file_state(Numbers(3, mtime_ns, 4, inode)) == (3, kept[0], 4, kept[1])
