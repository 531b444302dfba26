"""How a run is opened: lock, ledger, as-of; and that a failure is written down, whatever it came from.

The lock is held and the ledger open for as long as the block lasts; whatever happens in it, the lock goes with the
process.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from flows.pipeline.outcome import check_all_listed, note_failure
from flows.pipeline.reparse import bring_up_to_date
from flows.pipeline.request import RunRequest
from flows.pipeline.run import Run
from flows.readers.local import Readers
from schemas.errors import UsageError
from warehouse.clock import utc_now
from warehouse.home import Home
from warehouse.lock import hold
from warehouse.owners import notices as owner_notices
from warehouse.release import publish, runs
from warehouse.run_state import state_notices, write_failure
from warehouse.upkeep.mend import open_mended
from warehouse.upkeep.moved import without_ledger


@contextmanager
def open_run(request: RunRequest, readers: Readers) -> Iterator[Run]:
    """Open a run for the block. An error that ends it is noted in the ledger, where that can be, and in state.json.

    Raises UsageError for a FILE that is not ours or an as-of that does not fit, LockedError, LedgerDamaged; at its end
    SourceUnreadable where folders could not be listed: the rest is done all the same.
    """
    started_at = utc_now()
    home = Home.of(request.warehouse)
    home.check()
    notices = without_ledger(home, may_begin_anew=request.full_refresh)
    home.prepare()
    run: Run | None = None
    with hold(home):
        try:
            publish.clean(home)
            notices += state_notices(home) + owner_notices(home.folder)
            opened = open_mended(home, request.settings.build_memory, full_refresh=request.full_refresh)
            with opened as (connection, mended):
                notices += mended
                notices += runs.clock_notices(connection, started_at) if request.as_of is None else []
                as_of = runs.choose_as_of(connection, started_at, request.as_of, request.scheduled_at)
                bring_up_to_date(connection, home, request, as_of)
                known = runs.known_releases(home, connection)
                run = Run(request, home, connection, as_of, started_at, readers, known, notices)
                with _failure_noted(run):
                    yield run
                rest = "of the rest nothing was new to publish" if run.built is None else "the rest was published"
                check_all_listed(run, rest)
        except BaseException as error:
            if run is None or not run.is_recorded:
                # An as-of that was refused may be that of another run, so it is not named.
                given = None if isinstance(error, UsageError) else request.as_of
                write_failure(home, None if given is None else runs.run_id_of(given), given, started_at, error)
            raise


@contextmanager
def _failure_noted(run: Run) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not run.is_recorded:
            note_failure(run, error)
        raise
