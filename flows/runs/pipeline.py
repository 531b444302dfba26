"""The whole way of a run, once: plain functions, started directly or by a Prefect flow.

`refresh` is the table of contents. Each step goes through `do`, a callable that names it, so that a direct run can
time it and a flow can show it as a task, without a second copy of the order. Until `publish_release` nothing that a
reader sees is touched.
"""

from collections.abc import Callable
from functools import partial
from secrets import token_hex
from time import monotonic

from flows.clock import utc_now
from flows.engines.readers import LocalReaders, Readers
from flows.runs.begin import VERSIONS, Do, Published, Run, T, open_run
from flows.runs.intake import read_and_record, scan_sources
from flows.runs.limits import check_quarantine, check_shrink, check_vanished
from flows.runs.outcome import check_all_listed, finish, known_releases, note_failure
from flows.runs.request import Changes, OnEnd, OnStep, RunRequest, RunResult, tell_nobody
from flows.runs.state import state_before
from warehouse import faults, interrupts
from warehouse.ledger.opening import transaction
from warehouse.release import publish, runs
from warehouse.release.audit import AuditResult, check, run_audits
from warehouse.release.build import Built, building, clear_work, fill_release
from warehouse.release.changes import find_previous, tell_changes
from warehouse.release.standing import why_build
from warehouse.release.told import PINNED, pin_of


def run_direct(
    request: RunRequest,
    on_step: OnStep = lambda name, seconds: None,
    readers: Readers | None = None,
    on_end: OnEnd = tell_nobody,
) -> RunResult:
    """Do a run without Prefect. `on_step` is told each step's name when it begins, and again with its seconds.

    `on_end` is told what a run that has begun did, before an error that ends it is raised.

    `readers` are those that were begun early, or a cluster's; without, this machine reads.

    Raises NewsmartError; what was seen is recorded and told in state.json all the same.
    """

    def do(name: str, step: Callable[[], T]) -> T:
        start = monotonic()
        on_step(name, None)
        made = step()
        on_step(name, monotonic() - start)
        return made

    with LocalReaders(request.processes) as local, open_run(request, readers or local, on_end) as run:
        return refresh(run, do)


def refresh(run: Run, do: Do) -> RunResult:
    """Go the whole way: scan, read and record, and, where there is something new, build, audit and publish."""
    try:
        seen = timed(run, do, "scan", partial(scan_sources, run))
        timed(run, do, "record", partial(read_and_record, run, seen))
        check_limits(run)
        pinned, why = _pin_before(run), has_work(run)
        published = None if why is None else release_anew(run, do)
        if pinned is not None:
            run.traces.notices.append(PINNED if why is None else f"the pin of a rollback to {pinned} has ended: {why}")
    except Exception as error:
        note_failure(run, error)
        raise
    result = finish(run, published)
    check_all_listed(run, "the rest was published" if result.published else "of the rest nothing was new to publish")
    return result


def release_anew(run: Run, do: Do) -> Published:
    """Build a release from the ledger, audit it and put it in place."""
    release_id = f"{run.as_of:%Y%m%dT%H%M%S.%f}Z-{token_hex(3)}"
    file = publish.stage(run.home, release_id)
    try:
        with building(run.connection, file):
            built = timed(run, do, "build", partial(build_release, run, release_id))
            timed(run, do, "audit", partial(audit_release, run))
            changes = Changes(**runs.count_changes(run.connection, _current(run)))
        path = timed(run, do, "publish", partial(publish_release, run, built))
    except BaseException:
        publish.unstage(run.home, release_id)
        raise
    return Published(built, path, changes)


def timed(run: Run, do: Do, name: str, step: Callable[[], T]) -> T:
    """Run a step and add its seconds to the run's traces."""
    interrupts.check()
    start = monotonic()
    try:
        return do(name, step)
    finally:
        spent = monotonic() - start - (run.traces.seconds.get("read", 0.0) if name == "record" else 0.0)
        run.traces.seconds[name] = run.traces.seconds.get(name, 0.0) + spent


def check_limits(run: Run) -> None:
    """Raise Refused where a source shows nothing any more, too much is in quarantine or too much would go."""
    check_vanished(run.traces.vanished)
    check_quarantine(run.traces.balance, run.request.max_quarantine)
    current = _current(run)
    if current is not None:
        shown, gone = runs.shrink(run.connection, current.as_of, run.as_of)
        check_shrink(shown, gone, run.request.allow_shrink)


def _current(run: Run) -> runs.ReleaseRow | None:
    current = publish.current(run.home)
    rows = [row for row in known_releases(run.home, run.connection) if row.release_id == current]
    return rows[0] if rows else None


def has_work(run: Run) -> str | None:
    """Return why there is work, a release to be built (warehouse/release/standing.py); None where there is none."""
    state, full_refresh = state_before(run.home), run.request.full_refresh
    return why_build(run.home, run.connection, state, VERSIONS, full_refresh=full_refresh)


def _pin_before(run: Run) -> str | None:
    """Return the release that a rollback had pinned; its file may be gone, and then its pin ends."""
    return pin_of(run.home, state_before(run.home))


def build_release(run: Run, release_id: str) -> Built:
    """Fill the release's tables from the ledger."""
    faults.at("before_build")

    def fill_ops(built: Built) -> None:
        runs.fill_ops(run.connection, run.request.settings.keep_runs, run.as_of)
        runs.finish_ops_run(run.connection, run.run_id, built)

    previous = find_previous(run.home, run.connection, VERSIONS)
    built = fill_release(run.connection, run.as_of, release_id, VERSIONS, fill_ops)
    tell_changes(run.connection, previous)
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
        runs.write_run(run.connection, run.key, "published", run.traces.balance, finished_at=now, built=built)
    return str(run.home.release_file(built.release_id))
