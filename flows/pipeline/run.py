"""A run: how it begins, what its steps share, how a step is timed and logged, and how it ends.

It holds the lock and has the ledger open for as long as `open_run`'s block lasts; whatever happens in it, the lock goes
with the process. Its end is noted in the ledger and in state.json, and returned to the caller.

The log is the standard library's, and the one way out for progress: a terminal listens to it (commands/output.py),
and Prefect's page shows it, as it is one of Prefect's extra loggers. So a step is a plain function that knows of
neither. How a run ended is logged too, in the record's `result` and `error`: Prefect cannot hand it over where its
server has died meanwhile.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from time import monotonic

import duckdb

from flows.pipeline.reparse import bring_up_to_date
from flows.pipeline.request import LOGGER, RunRequest, RunResult, lines_of
from flows.readers.local import Readers
from schemas.errors import NewsmartError, SourceUnreadable, UsageError
from warehouse import interrupts
from warehouse.clock import as_plain, utc_now
from warehouse.explain import explain
from warehouse.home import Home
from warehouse.ledger.record import Balance
from warehouse.lock import hold
from warehouse.owners import notices as owner_notices
from warehouse.release import ops, publish, releases, runs
from warehouse.release.audit import AuditResult
from warehouse.release.build import Built
from warehouse.release.releases import ReleaseRow, current_release
from warehouse.release.why_build import ledger_state
from warehouse.run_state import balance_before, run_record, state_before, state_notices, status_of, write_failure
from warehouse.state import State, write_state
from warehouse.upkeep.mend import open_mended
from warehouse.upkeep.moved import without_ledger

NO_BALANCE = Balance(0, 0, 0, 0, 0, 0, 0)
STEPS = ("scan", "read", "record", "build", "audit", "publish")

log = logging.getLogger(LOGGER)


@dataclass(slots=True)
class Run:
    """A run: the lock is held, the ledger is open, the as-of is known. From `balance` on, steps fill it in.

    `releases`: those that the ledger knows, the latest first. `seconds` by step. `unlistable`: folders, and `denied`:
    objects, that there was no right to read. `vanished`: sources that had so many documents and show none. `reason`:
    why a release is made. `built`: the release that was published. `keeps_bytes`: whether the documents' bytes are
    stored. `is_recorded`: whether state.json says how the run ended. `outcome`: what it did, once it has ended.
    """

    request: RunRequest
    home: Home
    connection: duckdb.DuckDBPyConnection
    as_of: datetime
    started_at: datetime
    readers: Readers
    releases: list[ReleaseRow]
    notices: list[str]
    balance: Balance = NO_BALANCE
    seconds: dict[str, float] = field(default_factory=dict)
    unlistable: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    vanished: list[tuple[str, int]] = field(default_factory=list)
    reason: str | None = None
    audits: tuple[AuditResult, ...] = ()
    changes: Mapping[str, int] = field(default_factory=dict)
    built: Built | None = None
    keeps_bytes: bool = True
    is_recorded: bool = False
    outcome: RunResult | None = None

    @property
    def run_id(self) -> str:
        """The name of the run; a retry at the same as-of has the same."""
        return runs.run_id_of(self.as_of)

    @property
    def key(self) -> tuple[str, datetime, datetime]:
        """Its id, as-of and start, by which the ledger knows it."""
        return self.run_id, self.as_of, self.started_at

    @property
    def shown(self) -> ReleaseRow | None:
        """The release that readers see; None where they see none that the ledger knows."""
        return current_release(self.home, self.releases)

    @property
    def has_counted(self) -> bool:
        """Whether the run came so far as to count its documents."""
        return self.balance is not NO_BALANCE


@contextmanager
def step(run: Run, name: str, *, counts_as: str | None = None) -> Iterator[None]:
    """Time the block, and log its start and its end.

    In: the step's name; `counts_as`, the step that its seconds belong to where that is another one, which is still to
    come and logs the sum.
    """
    interrupts.check()
    log.info("%s: %s …", run.run_id, name, extra={"step": name, "seconds": None})
    key, start = counts_as or name, monotonic()
    try:
        yield
    finally:
        run.seconds[key] = run.seconds.get(key, 0.0) + monotonic() - start
    if counts_as is None:
        spent = run.seconds[key]
        log.info("%s: %s done in %.2f s", run.run_id, name, spent, extra={"step": name, "seconds": spent})


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
                bring_up_to_date(connection, request, as_of)
                known = releases.known_releases(home, connection)
                run = Run(request, home, connection, as_of, started_at, readers, known, notices)
                try:
                    yield run
                except Exception as error:
                    _note_failure(run, error)
                    raise
                rest = "of the rest nothing was new to publish" if run.built is None else "the rest was published"
                check_all_listed(run, rest)
        except BaseException as error:
            if run is None or not run.is_recorded:
                # An as-of that was refused may be that of another run, so it is not named.
                given = None if isinstance(error, UsageError) else request.as_of
                write_failure(home, None if given is None else runs.run_id_of(given), given, started_at, error)
            raise


def finish(run: Run) -> RunResult:
    """Note the end of the run in the ledger and in state.json, remove old releases, and return what was done."""
    if run.built is None:
        runs.write_run(run.connection, run.key, "unchanged", run.balance, finished_at=utc_now())
    result = run.outcome = result_of(run)
    log.info("%s", "; ".join(lines_of(result)), extra={"result": result, "error": None})
    kept = _write_state(run, "unchanged" if run.built is None else "published", None)
    publish.prune(run.home, kept)
    return result


def _note_failure(run: Run, error: Exception) -> None:
    """Log a failed or refused run, and note it in the ledger and in state.json; the release before stays."""
    if run.is_recorded or interrupts.is_pending():
        return
    # In our words, as the command says it: DuckDB calls a database "invalidated" because its disk was full.
    ours = explain(error, run.home.ledger, is_ledger=True) or error
    run.outcome = result_of(run, has_failed=True)
    log.error("%s: %s", run.run_id, error, extra={"result": run.outcome, "error": error})
    status = status_of(ours)
    with suppress(duckdb.Error, NewsmartError):
        if run.has_counted:
            runs.write_run(run.connection, run.key, status, run.balance, finished_at=utc_now())
        _write_state(run, status, ours)


def check_all_listed(run: Run, rest: str) -> None:
    """Raise SourceUnreadable where there was no right to list a folder, or to read objects of a store.

    What could be seen is published all the same; `rest` says in the error what came of it.
    """
    if run.unlistable:
        todo = f"their documents stay as they were, {rest}; mend the folders' rights, or the archive"
        raise SourceUnreadable("folders could not be listed", where="; ".join(run.unlistable), todo=todo)
    if run.denied:
        first, *others = run.denied
        where = first + (f", and {len(others):,} more" if others else "")
        todo = f"they are in quarantine, {rest}; mend the rights"
        raise SourceUnreadable("objects could not be read", where=where, todo=todo)


def _write_state(run: Run, status: str, error: Exception | None) -> list[str]:
    """Write state.json. Returns the ids of the releases to keep: the latest sound ones."""
    before = state_before(run.home)
    kept = releases.sound_releases(run.home, run.connection, run.releases, run.request.settings.keep_releases)
    # Readers may see an older one, of a rollback, which is never removed.
    older = [run.shown] if run.shown and run.shown.release_id not in {row.release_id for row in kept} else []
    state = ledger_state(run.home, run.connection, [*kept, *older], before)
    balance, counted_by = (run.balance.as_dict(), run.run_id) if run.has_counted else balance_before(before)
    state["balance"], state["balance_run_id"] = balance, counted_by
    state["run"] = {
        **run_record(run.run_id, run.as_of, run.started_at, status, error),
        "seconds": dict(run.seconds),
        "notices": list(run.notices),
        "audits": [asdict(audit) for audit in run.audits],
    }
    write_state(run.home, State(**state))
    run.is_recorded = True
    return [row.release_id for row in kept]


def result_of(run: Run, *, has_failed: bool = False) -> RunResult:
    """Return what a run has done so far; of one that failed what is known, for its ledger may have failed itself."""
    # What readers see; where they see none of ours, the last one.
    shown = run.shown or next(iter(run.releases), None)
    built = None if has_failed else run.built
    problems = None
    with suppress(*((duckdb.Error, NewsmartError) if has_failed else ())):
        problems = as_plain(ops.quarantine(run.connection))
    # A clock that was set back meanwhile gives no number that makes sense.
    total = max(0.0, (utc_now() - run.started_at).total_seconds())
    return RunResult(
        run_id=run.run_id,
        as_of=run.as_of,
        published=built is not None,
        release=None if built is None else str(run.home.release_file(built.release_id)),
        documents=run.balance.as_dict() if run.has_counted else {},
        mentions=None if shown is None else shown.mention_count,
        articles=None if shown is None else shown.article_count,
        quarantine_entries=None if problems is None else len(problems),
        seconds={**{name: run.seconds.get(name, 0.0) for name in STEPS}, "total": total},
        build=None if built is None else built.how.as_record(),
        changes=run.changes,
        quarantine=problems or (),
        audits=[asdict(audit) for audit in run.audits],
        notices=list(run.notices),
    )
