"""The second half of a run: a release is made from the ledger, audited, and put in place.

Until `publish_release` nothing that a reader sees is touched.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from secrets import token_hex

from flows.clock import utc_now
from flows.pipeline.begin import VERSIONS, Published, Run
from flows.pipeline.limits import check_quarantine, check_shrink, check_vanished
from flows.pipeline.outcome import known_releases
from flows.pipeline.request import Changes
from flows.pipeline.state import state_before
from flows.pipeline.steps import step
from warehouse.ledger.opening import transaction
from warehouse.release import build, publish, runs
from warehouse.release.audit import AuditResult, check, run_audits
from warehouse.release.build import Built, building, clear_work
from warehouse.release.changes import find_previous, tell_changes
from warehouse.release.standing import why_build
from warehouse.release.told import PINNED, pin_of


@dataclass(slots=True)
class Release:
    """A release that a run is making; `attached` closes its file. What `load_release` made is `built`."""

    run: Run
    release_id: str
    attached: ExitStack
    built: Built | None = None
    changes: Changes = field(default_factory=Changes)


@contextmanager
def new_release(run: Run) -> Iterator[Release]:
    """Stage a new release and attach its file for the block; one that was not published is removed."""
    release_id = f"{run.as_of:%Y%m%dT%H%M%S.%f}Z-{token_hex(3)}"
    file = publish.stage(run.home, release_id)
    try:
        with ExitStack() as attached:
            attached.enter_context(building(run.connection, file))
            yield Release(run, release_id, attached)
    except BaseException:
        publish.unstage(run.home, release_id)
        raise


def needs_release(run: Run) -> bool:
    """Tell whether a release has to be made; where a rollback's pin is why not, a notice says so."""
    run.traces.why = has_work(run)
    if run.traces.why is None and _pin_before(run) is not None:
        run.traces.notices.append(PINNED)
    return run.traces.why is not None


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


def deduplicate(release: Release) -> None:
    """Settle which URLs are one article."""
    run = release.run
    with step(run, "deduplicate", counts_as="build"):
        build.deduplicate(run.connection, run.as_of)


def load_release(release: Release) -> Built:
    """Fill the release's tables from the ledger."""
    run = release.run

    def fill_ops(built: Built) -> None:
        runs.fill_ops(run.connection, run.request.settings.keep_runs, run.as_of)
        runs.finish_ops_run(run.connection, run.run_id, built)

    with step(run, "build"):
        previous = find_previous(run.home, run.connection, VERSIONS)
        release.built = build.load(run.connection, run.as_of, release.release_id, VERSIONS, fill_ops)
        tell_changes(run.connection, previous)
    return release.built


def audit_release(release: Release) -> tuple[AuditResult, ...]:
    """Audit the release. Raises AuditFailed, and nothing is published."""
    run = release.run
    with step(run, "audit"):
        run.traces.audits = run_audits(run.connection, run.as_of)
        clear_work(run.connection)
        check(run.traces.audits)
    release.changes = Changes(**runs.count_changes(run.connection, _current(run)))
    return run.traces.audits


def publish_release(release: Release) -> str:
    """Put the release in place and note it; keep the latest ones. Returns the path of its file."""
    run, built = release.run, release.built
    if built is None:
        raise RuntimeError("the release has not been loaded")
    release.attached.close()
    pinned = _pin_before(run)
    with step(run, "publish"):
        file = publish.publish(run.home, built.release_id)
        now = utc_now()
        with transaction(run.connection):
            runs.write_release(run.connection, built, file, VERSIONS, now)
            runs.write_run(run.connection, run.key, "published", run.traces.balance, finished_at=now, built=built)
    path = str(run.home.release_file(built.release_id))
    if pinned is not None:
        run.traces.notices.append(f"the pin of a rollback to {pinned} has ended: {run.traces.why}")
    run.traces.published = Published(built, path, release.changes)
    return path
