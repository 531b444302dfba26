"""When a run is held back: a source that shows nothing any more, too much in quarantine, or too much gone.

The last two are checked on what is recorded, not on what this run changed, so that the next run is refused again until
the source is mended or the limit lifted. Of a source that had documents and shows none nothing is recorded: it is most
likely a mount that is gone, and history should not say that all was removed and came back.
"""

from collections.abc import Sequence

from flows.pipeline.run import Run
from schemas.errors import Refused
from warehouse.ledger.record import Balance
from warehouse.release import runs

MAX_QUARANTINE_SHARE = 0.05
FREE_QUARANTINE_COUNT = 10
MAX_SHRINK_SHARE = 0.5


def check_limits(run: Run) -> None:
    """Raise Refused where a source shows nothing any more, too much is in quarantine or too much would go."""
    check_vanished(run.vanished)
    check_quarantine(run.balance, run.request.max_quarantine)
    if run.shown is not None:
        shown, gone = runs.shrink(run.connection, run.shown.as_of, run.as_of)
        check_shrink(shown, gone, run.request.allow_shrink)


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


def check_vanished(sources: Sequence[tuple[str, int]]) -> None:
    """Raise Refused where a source that had documents shows none. In: their names and how many there were."""
    if sources:
        where = ", ".join(f"{name} had {count:,}" for name, count in sources)
        todo = "check that it is there and mounted; --allow-shrink takes its documents out"
        raise Refused("a source that had documents holds no document", where=where, todo=todo)


def check_shrink(shown: int, gone: int, allow: bool) -> None:
    """Raise Refused where over half of the documents that the current release shows would be removed."""
    if allow or shown == 0 or gone <= shown * MAX_SHRINK_SHARE:
        return
    raise Refused(
        f"{gone} of {shown} documents in the current release would be removed",
        todo="check that the source is whole, or give --allow-shrink",
    )
