"""When a run is held back: too much in quarantine, or too much gone.

Both are checked on what is recorded, not on what this run changed, so that the next run is refused again until the
source is mended or the limit lifted (DESIGN section 6).
"""

from schemas.errors import Refused
from warehouse.ledger.record import Balance

MAX_QUARANTINE_SHARE = 0.05
FREE_QUARANTINE_COUNT = 10
MAX_SHRINK_SHARE = 0.5


LEAST_MEMORY_MB = 350
BYTES_PER_DOCUMENT = 3_500
LEAST_RECORDING_MB = 96
RECORDING_BYTES_PER_DOCUMENT = 1_000


def recording_memory_for(documents: int, setting: str) -> str:
    """Return how much memory DuckDB may use while recording: as set, else 96 MB, 1 kB a document where that is more.

    In: how many documents were scanned and are known, together: a join of both must fit (with 96 MB, one of 100,000
    with 200,000 failed). The reading processes are there at the same time. What one transaction adds to the ledger may
    go to disk meanwhile.
    """
    return setting or f"{max(LEAST_RECORDING_MB, documents * RECORDING_BYTES_PER_DOCUMENT // 1_000_000)}MB"


def memory_for(documents: int, setting: str) -> str:
    """Return how much memory DuckDB may use: as set, else 350 MB, and 3.5 kB a document where that is more.

    DuckDB spills what it joins and sorts, but keeps the index of a key that it builds in memory.
    """
    return setting or f"{max(LEAST_MEMORY_MB, documents * BYTES_PER_DOCUMENT // 1_000_000)}MB"


def check_quarantine(balance: Balance, max_share: float | None) -> None:
    """Raise Refused where too many documents seen are in quarantine.

    By default over 5 % and more than 10; an explicit share, 0 to 1, applies alone, and 1 never refuses.
    """
    share = balance.quarantined / balance.seen if balance.seen else 0.0
    limit = MAX_QUARANTINE_SHARE if max_share is None else max_share
    if share <= limit or (max_share is None and balance.quarantined <= FREE_QUARANTINE_COUNT):
        return
    raise Refused(
        f"{balance.quarantined} of {balance.seen} documents are in quarantine, over the limit of {limit:.0%}",
        todo="see `newsmart quarantine`; mend them, or raise --max-quarantine",
    )


def check_shrink(shown: int, gone: int, allow: bool) -> None:
    """Raise Refused where over half of the documents that the current release shows would be removed."""
    if allow or shown == 0 or gone <= shown * MAX_SHRINK_SHARE:
        return
    raise Refused(
        f"{gone} of {shown} documents in the current release would be removed",
        todo="check that the source is whole, or give --allow-shrink",
    )
