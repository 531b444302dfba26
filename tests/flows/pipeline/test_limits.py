"""When a run is refused."""

import pytest

from flows.pipeline.intake import check_quarantine, check_shrink
from schemas.errors import Refused
from warehouse.ledger.record import Balance


def balance(seen: int, quarantined: int) -> Balance:
    """Return a balance with these documents."""
    return Balance(seen, seen - quarantined, 0, 0, 0, quarantined, 0)


@pytest.mark.parametrize(
    ("seen", "quarantined", "share"),
    [
        pytest.param(10, 10, None, id="ten are free, whatever their share"),
        pytest.param(220, 11, None, id="five per cent are free, whatever their number"),
        pytest.param(0, 0, None, id="nothing seen"),
        pytest.param(0, 0, 0.0, id="nothing seen, none allowed"),
        pytest.param(4, 2, 0.5, id="just the share given"),
        pytest.param(4, 4, 1.0, id="a share of 1 never refuses"),
    ],
)
def test_a_quarantine_within_the_limit_is_not_refused(seen: int, quarantined: int, share: float | None) -> None:
    check_quarantine(balance(seen, quarantined), share)


@pytest.mark.parametrize(
    ("seen", "quarantined", "share"),
    [
        pytest.param(219, 11, None, id="eleven, and over five per cent"),
        pytest.param(100, 1, 0.0, id="a share given applies alone"),
        pytest.param(1000, 11, 0.01, id="also below five per cent"),
    ],
)
def test_a_quarantine_over_the_limit_is_refused(seen: int, quarantined: int, share: float | None) -> None:
    with pytest.raises(Refused, match=f"{quarantined} of {seen} documents"):
        check_quarantine(balance(seen, quarantined), share)


@pytest.mark.parametrize(("shown", "gone", "allow"), [(0, 0, False), (4, 2, False), (4, 4, True)])
def test_a_small_shrink_is_not_refused(shown: int, gone: int, allow: bool) -> None:
    check_shrink(shown, gone, allow)


def test_a_shrink_of_over_half_is_refused() -> None:
    with pytest.raises(Refused, match="3 of 5 documents"):
        check_shrink(5, 3, allow=False)
