"""The whole way of a run, once: plain functions, started directly or by a Prefect flow.

`refresh` is the table of contents. Each step goes through `do`, a callable that names it, so that a direct run can
time it and a flow can show it as a task, without a second copy of the order. Until `publish_release` nothing that a
reader sees is touched.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from functools import partial
from secrets import token_hex
from time import monotonic, time_ns
from typing import Protocol, TypeVar

import duckdb
import pyarrow as pa

from flows.clock import as_text, utc_now
from flows.limits import check_quarantine, check_shrink, memory_for
from flows.pool import ReaderPool, read_all
from flows.reparse import bring_up_to_date
from flows.request import Changes, RunRequest, RunResult
from flows.scan import Scan, scan
from flows.scan import references as file_references
from schemas.errors import AuditFailed, LedgerDamaged, NewsmartError, Refused, RunFailed, SourceUnreadable
from schemas.rules import RULES_VERSION
from schemas.urls import POLICY_VERSION
from warehouse import faults, intake, publish, record, runs
from warehouse.audit import AuditResult, check, run_audits
from warehouse.build import Built, Versions, building, clear_work, fill_release
from warehouse.db import Limits, limit_memory
from warehouse.home import Home
from warehouse.ledger import change_number, check_whole, open_ledger, transaction
from warehouse.lock import hold
from warehouse.record import Balance
from warehouse.state import State, read_state, write_state

T = TypeVar("T")

OnStep = Callable[[str, float | None], None]

VERSIONS = Versions(policy=POLICY_VERSION, rules=RULES_VERSION)
NO_BALANCE = Balance(0, 0, 0, 0, 0, 0, 0)


class Do(Protocol):
    """Runs one named step and returns what it made."""

    def __call__(self, name: str, step: Callable[[], T]) -> T:
        """Run `step` under `name`."""


@dataclass(slots=True)
class Traces:
    """What a run leaves behind for its report, also when it fails; filled as it goes."""

    balance: Balance = NO_BALANCE
    seconds: dict[str, float] = field(default_factory=dict)
    audits: tuple[AuditResult, ...] = ()
    notices: list[str] = field(default_factory=list)
    unlistable: list[str] = field(default_factory=list)


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
    readers: ReaderPool | None = None


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


def run_direct(
    request: RunRequest, on_step: OnStep = lambda name, seconds: None, readers: ReaderPool | None = None
) -> RunResult:
    """Do a run without Prefect. `on_step` is told each step's name when it begins, and again with its seconds.

    `readers` are reading processes that were started early, if any.

    Raises NewsmartError; what was seen is recorded and told in state.json all the same.
    """

    def do(name: str, step: Callable[[], T]) -> T:
        start = monotonic()
        on_step(name, None)
        made = step()
        on_step(name, monotonic() - start)
        return made

    with open_run(request, readers) as run:
        return refresh(run, do)


@contextmanager
def open_run(request: RunRequest, readers: ReaderPool | None = None) -> Iterator[Run]:
    """Take the lock, open the ledger and settle the as-of.

    Raises UsageError for a FILE that is not ours or an as-of that does not fit, LockedError, LedgerDamaged.
    """
    started_at = utc_now()
    home = Home.of(request.warehouse)
    home.check()
    home.prepare()
    faults.set_fault(request.settings.fault)
    with hold(home):
        faults.at("after_lock")
        publish.clean(home)
        faults.at("after_clean")
        notices = set_aside_if_damaged(home) if request.full_refresh else []
        with open_ledger(home, limits=Limits(memory=memory_for(0, request.settings.build_memory))) as connection:
            bring_up_to_date(connection, home, request.processes, reparse=request.reparse)
            as_of = runs.settle_as_of(connection, started_at, request.as_of, request.scheduled_at)
            yield Run(
                request, home, connection, runs.run_id_of(as_of), as_of, started_at, Traces(notices=notices), readers
            )


def set_aside_if_damaged(home: Home) -> list[str]:
    """Move a ledger that does not open out of the way, so that a full refresh can start a new one; say what is lost."""
    if not home.ledger.exists():
        return []
    try:
        with open_ledger(home) as connection:
            check_whole(connection)
    except LedgerDamaged as error:
        aside = publish.set_ledger_aside(home, f"damaged-{utc_now():%Y%m%dT%H%M%S}")
        lost = "earlier versions, removed documents, first-seen times, past runs and takedowns' tombstones are lost"
        return [f"started a new ledger from the sources: {lost}; the damaged one is kept as {aside} ({error.what})"]
    return []


def refresh(run: Run, do: Do) -> RunResult:
    """Go the whole way: scan, read and record, and, where there is something new, build, audit and publish."""
    try:
        seen = timed(run, do, "scan", partial(scan_sources, run))
        timed(run, do, "record", partial(read_and_record, run, seen))
        check_limits(run)
        published = None
        if has_work(run):
            published = release_anew(run, do)
    except Exception as error:
        note_failure(run, error)
        raise
    result = finish(run, published)
    check_all_listed(run)
    return result


def release_anew(run: Run, do: Do) -> Published:
    """Build a release from the ledger, audit it and put it in place."""
    release_id = f"{run.as_of:%Y%m%dT%H%M%S.%f}Z-{token_hex(3)}"
    file = publish.stage(run.home, release_id)
    try:
        with building(run.connection, file):
            built = timed(run, do, "build", partial(build_release, run, release_id))
            timed(run, do, "audit", partial(audit_release, run))
            changes = Changes(**runs.count_changes(run.connection, _current_as_of(run)))
        path = timed(run, do, "publish", partial(publish_release, run, built))
    except BaseException:
        publish.unstage(run.home, release_id)
        raise
    return Published(built, path, changes)


def timed(run: Run, do: Do, name: str, step: Callable[[], T]) -> T:
    """Run a step and add its seconds to the run's traces."""
    start = monotonic()
    try:
        return do(name, step)
    finally:
        spent = monotonic() - start - (run.traces.seconds.get("read", 0.0) if name == "record" else 0.0)
        run.traces.seconds[name] = run.traces.seconds.get(name, 0.0) + spent


def scan_sources(run: Run) -> Seen:
    """List the documents of the sources. Raises SourceUnreadable where there is not one."""
    scanned_at_ns = time_ns()
    found = scan(run.request.sources)
    run.traces.notices.extend(_notices(found))
    run.traces.unlistable.extend(f"{one.source}/{one.folder} ({one.reason})" for one in found.unlistable)
    if found.files.num_rows == 0 and not found.skipped:
        where = ", ".join(source.root for source in run.request.sources)
        raise SourceUnreadable(
            "the source holds no document",
            where=where,
            todo="documents end in .md, .markdown, .txt, .yaml or .yml and are neither hidden nor README",
        )
    limit_memory(run.connection, memory_for(found.files.num_rows, run.request.settings.build_memory))
    faults.at("after_scan")
    return Seen(found, scanned_at_ns)


def _notices(found: Scan) -> Iterator[str]:
    for entry in found.skipped:
        if entry.reason != "bad_name":
            yield f"skipped {entry.source}/{entry.path}: {entry.reason}"


def read_and_record(run: Run, seen: Seen) -> Balance:
    """Read what is new, take it into the ledger and append the events, all in one transaction."""
    connection = run.connection
    with transaction(connection):
        references = record.compare(connection, _observation(run, seen))
        _take_in_all(run, references)
        faults.at("before_record")
        balance = record.settle(connection, run.as_of, seen.scanned_at_ns)
        run.traces.balance = balance
        runs.write_run(connection, (run.run_id, run.as_of, run.started_at), "started", balance)
        faults.at("during_record")
    faults.at("after_record")
    return balance


def _observation(run: Run, seen: Seen) -> record.Observation:
    return record.Observation(
        files=seen.scan.files,
        sources=[source.name for source in run.request.sources],
        unlistable=[(folder.source, folder.folder) for folder in seen.scan.unlistable],
        unnameable=[(entry.source, entry.path) for entry in seen.scan.skipped if entry.reason == "bad_name"],
        read_all=run.request.full_refresh,
    )


def _take_in_all(run: Run, references: pa.Table) -> None:
    start = monotonic()
    taking = 0.0
    for batch in read_all(
        file_references(run.request.sources, references), run.as_of, run.request.processes, run.readers
    ):
        taken = monotonic()
        run.traces.notices.extend(_reading_notices(batch.documents, references))
        intake.take_in(run.connection, batch, references, run.as_of)
        taking += monotonic() - taken
    run.traces.seconds["read"] = monotonic() - start - taking
    faults.at("after_read")


def _reading_notices(documents: pa.Table, references: pa.Table) -> Iterator[str]:
    told = {"vanished": "vanished before it was read", "unstable": "kept changing while it was read"}
    for ref, outcome in zip(*(documents.column(name).to_pylist() for name in ("ref", "outcome")), strict=True):
        if outcome in told:
            row = references.slice(ref, 1).to_pylist()[0]
            yield f"{row['source']}/{row['path']} {told[outcome]}; the next run looks again"


def check_limits(run: Run) -> None:
    """Raise Refused where too much is in quarantine or too much would go."""
    check_quarantine(run.traces.balance, run.request.max_quarantine)
    current = _current_as_of(run)
    if current is not None:
        shown, gone = runs.shrink(run.connection, current, run.as_of)
        check_shrink(shown, gone, run.request.allow_shrink)


def _current_as_of(run: Run) -> datetime | None:
    current = publish.current(run.home)
    rows = [row for row in runs.releases(run.connection) if row.release_id == current]
    return rows[0].as_of if rows else None


def has_work(run: Run) -> bool:
    """Tell whether a release has to be built: the ledger, the rules, the quarantine or the file is other than it was.

    A rollback pins its release until there is a new event (the quarantine alone is none), or until --full-refresh.
    """
    is_pinned = _is_pinned(run)
    if run.request.full_refresh and is_pinned:
        return True
    rows = runs.releases(run.connection)
    current = publish.current(run.home)
    shown = rows[0] if rows and is_pinned else next((row for row in rows if row.release_id == current), None)
    if shown is None or current is None:
        return True
    if (shown.change_number, shown.versions) != (change_number(run.connection), VERSIONS):
        return True
    if not is_pinned and shown.quarantine_digest != runs.quarantine_digest(run.connection):
        return True
    file = next(row.file for row in rows if row.release_id == current)
    return not publish.is_untouched(run.home.release_file(current), file)


def _is_pinned(run: Run) -> bool:
    pin = _state_before(run.home).get("pin")
    return pin is not None and pin == publish.current(run.home)


def build_release(run: Run, release_id: str) -> Built:
    """Fill the release's tables from the ledger."""
    faults.at("before_build")

    def fill_ops(built: Built) -> None:
        runs.fill_ops(run.connection, run.request.settings.keep_runs, run.as_of)
        runs.finish_ops_run(run.connection, run.run_id, built)

    built = fill_release(run.connection, run.as_of, release_id, VERSIONS, fill_ops)
    faults.at("after_build")
    return built


def audit_release(run: Run) -> tuple[AuditResult, ...]:
    """Audit the release. Raises AuditFailed, and nothing is published."""
    run.traces.audits = run_audits(run.connection, run.as_of)
    clear_work(run.connection)
    check(run.traces.audits)
    faults.at("after_audit")
    return run.traces.audits


def publish_release(run: Run, built: Built) -> str:
    """Put the release in place and note it; keep the latest ones. Returns the path of its file."""
    faults.at("before_publish")
    file = publish.publish(run.home, built.release_id)
    faults.at("after_publish")
    now = utc_now()
    with transaction(run.connection):
        runs.write_release(run.connection, built, file, VERSIONS, now)
        runs.write_run(
            run.connection,
            (run.run_id, run.as_of, run.started_at),
            "published",
            run.traces.balance,
            finished_at=now,
            built=built,
            release_id=built.release_id,
        )
    return str(run.home.release_file(built.release_id))


def finish(run: Run, published: Published | None) -> RunResult:
    """Note the end of the run in the ledger and in state.json, remove old releases, and say what was done."""
    if published is None:
        _write_row(run, "unchanged")
    keep = [row.release_id for row in kept_releases(run)]
    result = _result(run, published)
    faults.at("before_state")
    tell(run, "unchanged" if published is None else "published", None)
    faults.at("after_state")
    publish.prune(run.home, keep)
    faults.at("after_prune")
    return result


def kept_releases(run: Run) -> list[runs.ReleaseRow]:
    """Return the latest releases that lie there as they were published; one that was tampered with is not kept."""
    there = set(publish.release_ids(run.home))
    rows = (row for row in runs.releases(run.connection) if row.release_id in there)
    sound = [row for row in rows if publish.is_untouched(run.home.release_file(row.release_id), row.file)]
    return sound[: run.request.settings.keep_releases]


def check_all_listed(run: Run) -> None:
    """Raise SourceUnreadable where a folder could not be listed; what could be seen is published all the same."""
    if run.traces.unlistable:
        todo = "their documents stay as they were; mend the folders' rights"
        raise SourceUnreadable("folders could not be listed", where="; ".join(run.traces.unlistable), todo=todo)


def _write_row(run: Run, status: str) -> None:
    run_key = (run.run_id, run.as_of, run.started_at)
    runs.write_run(run.connection, run_key, status, run.traces.balance, finished_at=utc_now())


def note_failure(run: Run, error: Exception) -> None:
    """Note a failed or refused run in the ledger and in state.json; the release before stays.

    Where the ledger or the disk has failed there may be nowhere to note it; the error is raised all the same.
    """
    status = "refused" if isinstance(error, Refused | AuditFailed) else "failed"
    with suppress(duckdb.Error, NewsmartError):
        if run.traces.balance is not NO_BALANCE:
            _write_row(run, status)
        tell(run, status, error)


def tell(run: Run, status: str, error: Exception | None) -> None:
    """Write state.json."""
    before = _state_before(run.home)
    current = publish.current(run.home)
    rows = runs.releases(run.connection)
    state = State(
        run={
            "run_id": run.run_id,
            "as_of": as_text(run.as_of),
            "started_at": as_text(run.started_at),
            "finished_at": as_text(utc_now()),
            "status": status,
            "error": None if error is None else " ".join(str(error).split()),
            "seconds": dict(run.traces.seconds),
            "notices": list(run.traces.notices),
            "audits": [asdict(audit) for audit in run.traces.audits],
        },
        balance=run.traces.balance.as_dict(),
        quarantine=[runs.plain(row) for row in runs.quarantine(run.connection)],
        drift=[runs.plain(row) for row in runs.drift(run.connection)],
        release=next((row.as_record() for row in rows if row.release_id == current), None),
        releases=[row.as_record() for row in kept_releases(run)],
        pin=before.get("pin") if before.get("pin") == current else None,
    )
    write_state(run.home, state)


def _state_before(home: Home) -> State:
    """Return the state that the last run left; one that makes no sense is written anew by this run."""
    try:
        return read_state(home) or State()
    except RunFailed:
        return State()


def _result(run: Run, published: Published | None) -> RunResult:
    steps = ("scan", "read", "record", "build", "audit", "publish")
    seconds = {name: run.traces.seconds.get(name, 0.0) for name in steps}
    seconds["total"] = (utc_now() - run.started_at).total_seconds()
    rows = runs.releases(run.connection)
    problems = [runs.plain(row) for row in runs.quarantine(run.connection)]
    return RunResult(
        run_id=run.run_id,
        as_of=run.as_of,
        published=published is not None,
        release=None if published is None else published.path,
        documents=run.traces.balance.as_dict(),
        mentions=rows[0].mention_count if rows else None,
        articles=rows[0].article_count if rows else None,
        quarantine_entries=len(problems),
        seconds=seconds,
        changes=Changes() if published is None else published.changes,
        quarantine=problems,
        audits=[asdict(audit) for audit in run.traces.audits],
        notices=list(run.traces.notices),
    )
