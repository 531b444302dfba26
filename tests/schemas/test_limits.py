"""Sizes of memory, and the numbers of a file, whatever the system says."""

import pytest

from schemas.errors import UsageError
from schemas.limits import FileState, cut_state, size_bytes

MOST = 2**63 - 1


def test_sizes() -> None:
    assert [size_bytes(text) for text in ("10B", "1KB", "1.5 KiB", "2GB", "1g", "1MiB", "1\u00a0kb")] == [
        10, 1000, 1536, 2 * 10**9, 10**9, 1 << 20, 1000
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["", "x", "-1GB", "0", "0GB", "0.1B", "5", "GB", "1 PB", "1e9B", "1I", "1001TB", "1\u212aB"]
)
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a size"):
        size_bytes(text)


def test_a_number_of_any_length_is_refused() -> None:
    with pytest.raises(UsageError, match="not a size"):
        size_bytes("9" * 5_000 + "GB")


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
