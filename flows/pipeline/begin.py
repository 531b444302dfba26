"""A run that has begun: what it carries, and how it is opened.

The lock is held, the ledger is open and the as-of is settled for as long as the block lasts; whatever happens in it,
the lock goes with the process.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from flows.clock import utc_now
from flows.engines.readers import LocalReaders, Readers
from flows.pipeline import takedown
from flows.pipeline.memory import memory_for
from flows.pipeline.reparse import bring_up_to_date
from flows.pipeline.request import Changes, RunRequest
from flows.pipeline.state import state_notices, tell_without_ledger
from flows.sources.scan import Scan
from schemas.batches import RULES_VERSION
from schemas.errors import LedgerDamaged, UsageError
from schemas.urls import POLICY_VERSION
from warehouse.db import Limits, limit_memory
from warehouse.home import Home
from warehouse.ledger import packs
from warehouse.ledger.opening import check_whole, count_documents, open_ledger, transaction
from warehouse.ledger.record import Balance
from warehouse.ledger.tombstones import is_unfinished
from warehouse.lock import hold
from warehouse.owners import notices
from warehouse.release import publish, runs
from warehouse.release.audit import AuditResult
from warehouse.release.build import Built, Versions
from warehouse.upkeep.moved import LOST, without_ledger

VERSIONS = Versions(policy=POLICY_VERSION, rules=RULES_VERSION)
NO_BALANCE = Balance(0, 0, 0, 0, 0, 0, 0)


@dataclass(slots=True)
class Traces:
    """What a run leaves behind for its report, also when it fails; filled as it goes.

    `published` is the release that it put in place, `why` the reason to make it; `is_told`: state.json tells how it
    ended. `vanished`: sources that had so many documents and show none.
    """

    balance: Balance = NO_BALANCE
    seconds: dict[str, float] = field(default_factory=dict)
    audits: tuple[AuditResult, ...] = ()
    notices: list[str] = field(default_factory=list)
    unlistable: list[str] = field(default_factory=list)
    denied: list[str] = field(default_factory=list)
    vanished: list[tuple[str, int]] = field(default_factory=list)
    why: str | None = None
    published: "Published | None" = None
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Run:
    """A run that has begun: the lock is held, the ledger is open, the as-of is settled."""

    request: RunRequest
    home: Home
    connection: duckdb.DuckDBPyConnection
    run_id: str
    as_of: datetime
    started_at: datetime
    traces: Traces
    readers: Readers

    @property
    def key(self) -> tuple[str, datetime, datetime]:
        """Its id, as-of and start, by which the ledger knows it."""
        return self.run_id, self.as_of, self.started_at


@dataclass(frozen=True, slots=True)
class Seen:
    """What the scan found, and the moment (ns) before which it is known."""

    scan: Scan
    scanned_at_ns: int


@dataclass(frozen=True, slots=True)
class Published:
    """The release that a run has put in place."""

    built: Built
    path: str
    changes: Changes


@contextmanager
def open_run(request: RunRequest, readers: Readers) -> Iterator[Run]:
    """Take the lock, open the ledger and settle the as-of; whatever ends the block by an error is told in state.json.

    Raises UsageError for a FILE that is not ours or an as-of that does not fit, LockedError, LedgerDamaged.
    """
    started_at = utc_now()
    home = Home.of(request.warehouse)
    home.check()
    traces = Traces(notices=without_ledger(home, may_begin_anew=request.full_refresh))
    home.prepare()
    with hold(home), _told(home, request, started_at, traces):
        publish.clean(home)
        traces.notices += state_notices(home) + notices(home.folder)
        traces.notices += set_aside_if_damaged(home) if request.full_refresh else []
        with _ledger_of(home, request, traces) as connection:
            traces.notices += _look_for_bytes(connection, is_mended=request.full_refresh)
            traces.notices += runs.clock_notices(connection, started_at) if request.as_of is None else []
            as_of = runs.settle_as_of(connection, started_at, request.as_of, request.scheduled_at)
            with _on_this_machine(readers, request.processes) as local:
                bring_up_to_date(connection, home, local, as_of, reparse=request.reparse)
            yield Run(request, home, connection, runs.run_id_of(as_of), as_of, started_at, traces, readers)


@contextmanager
def _on_this_machine(readers: Readers, processes: int) -> Iterator[LocalReaders]:
    """Yield the run's readers, or others in the place of a cluster's: what the ledger keeps is laid out here."""
    if isinstance(readers, LocalReaders):
        yield readers
        return
    with LocalReaders(processes) as local:
        yield local


@contextmanager
def _ledger_of(home: Home, request: RunRequest, traces: Traces) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the ledger; where a takedown was cut off, finish it first, which puts a new file in the ledger's place."""
    memory = request.settings.build_memory
    with open_ledger(home, limits=Limits(memory=memory_for(0, memory))) as connection:
        if not is_unfinished(connection):
            yield connection
            return
        limit_memory(connection, memory_for(count_documents(connection), memory))
        takedown.finish(home, connection, VERSIONS)
    traces.notices.append("finished a takedown that had been cut off")
    with open_ledger(home, limits=Limits(memory=memory_for(0, memory))) as connection:
        yield connection


def _look_for_bytes(connection: duckdb.DuckDBPyConnection, *, is_mended: bool) -> list[str]:
    """Say whether kept bytes are lost; a full refresh stores anew those whose files are still there."""
    if not is_mended:
        count = len(packs.lost(connection))
        way = "`newsmart run --full-refresh` stores again those whose files are there"
        return [f"{packs.LOST} {count:,} packs of versions; {way}, a backup has them all"] if count else []
    with transaction(connection):
        count = packs.forget_lost(connection)
    return [f"the bytes of {count:,} versions were lost; those whose files are there are stored again"] if count else []


@contextmanager
def _told(home: Home, request: RunRequest, started_at: datetime, traces: Traces) -> Iterator[None]:
    """Tell a failure that the run itself could not tell: the ledger did not open, failed, or Ctrl-C came.

    An as-of that was refused may be that of another run, so it names none.
    """
    try:
        yield
    except BaseException as error:
        if not traces.is_told:
            as_of = None if isinstance(error, UsageError) else request.as_of
            tell_without_ledger(home, None if as_of is None else runs.run_id_of(as_of), as_of, started_at, error)
        raise


def set_aside_if_damaged(home: Home) -> list[str]:
    """Move a ledger that does not open out of the way, so that a full refresh can start a new one; say what is lost."""
    if not home.ledger.exists():
        return []
    try:
        with open_ledger(home) as connection:
            check_whole(connection)
    except LedgerDamaged as error:
        aside = publish.set_ledger_aside(home, f"damaged-{utc_now():%Y%m%dT%H%M%S}")
        return [f"started a new ledger from the sources: {LOST}; the damaged one is kept as {aside} ({error.what})"]
    return []
