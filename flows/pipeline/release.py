"""The second half of a run: a release is made from the ledger, audited, and put in place.

Until `publish_release` nothing that a reader sees is touched.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from secrets import token_hex

from flows.pipeline.run import Run, step
from warehouse.clock import utc_now
from warehouse.ledger.opening import ledger_transaction
from warehouse.release import changes, ops, publish, releases, runs
from warehouse.release.base import FULL_REFRESH, find_base, note_build
from warehouse.release.build import Built
from warehouse.release.changes import find_previous
from warehouse.release.freshness import PINNED, pin_of
from warehouse.release.making import Making
from warehouse.release.why_build import why_build
from warehouse.run_state import state_before


@dataclass(slots=True)
class Release:
    """A release that a run is making."""

    run: Run
    making: Making


@contextmanager
def new_release(run: Run) -> Iterator[Release]:
    """Stage a new release and attach its file for the block; one that was not published is removed."""
    release_id = f"{run.as_of:%Y%m%dT%H%M%S.%f}Z-{token_hex(3)}"
    file = publish.stage(run.home, release_id)

    def fill_ops(built: Built) -> None:
        ops.fill_ops(run.connection, run.request.settings.keep_runs, run.as_of)
        ops.finish_ops_run(run.connection, run.run_id, built)

    previous = find_previous(run.home, run.releases)
    base = FULL_REFRESH if run.request.full_refresh else find_base(run.connection, previous, run.as_of)
    try:
        made = Making(run.connection, run.home, file, release_id, run.as_of, fill_ops, base, previous)
        with closing(made):
            yield Release(run, made)
    except BaseException:
        publish.unstage(run.home, release_id)
        raise


def needs_release(run: Run) -> bool:
    """Tell whether a release has to be made; where a rollback's pin is why not, a notice says so."""
    run.reason = why_build_now(run)
    if run.reason is None and pin_of(run.home, state_before(run.home)) is not None:
        run.notices.append(PINNED)
    return run.reason is not None


def why_build_now(run: Run) -> str | None:
    """Return why a release has to be made, in a few words; None where there is nothing to publish."""
    state, full_refresh = state_before(run.home), run.request.full_refresh
    return why_build(run.home, run.connection, state, run.releases, full_refresh=full_refresh)


def deduplicate(release: Release) -> None:
    """Decide which URLs are one article."""
    with step(release.run, "deduplicate", counts_as="build"):
        release.making.deduplicate()


def load_release(release: Release) -> None:
    """Fill the release's tables."""
    with step(release.run, "build"):
        release.making.load()


def audit_release(release: Release) -> None:
    """Audit the release. Raises AuditFailed, and nothing is published."""
    run = release.run
    with step(run, "audit"):
        try:
            release.making.audit()
        finally:
            run.audits = release.making.audits
    run.changes = changes.count_changes(run.connection, run.shown)


def publish_release(release: Release) -> None:
    """Put the release in place and note it."""
    run, built = release.run, release.making.built
    if built is None:
        raise RuntimeError("the release has not been loaded")
    release.making.close()  # its file has to be closed before it is put in place
    pinned = pin_of(run.home, state_before(run.home))
    with step(run, "publish"):
        file = publish.publish(run.home, built.release_id)
        now = utc_now()
        with ledger_transaction(run.connection):
            row = releases.write_release(run.connection, built, file, now)
            note_build(run.connection, built, file.size, now, release.making.base)
            runs.write_run(run.connection, run.key, "published", run.balance, finished_at=now, built=built)
    run.releases.insert(0, row)
    run.built = built
    run.notices += release.making.notices
    if pinned is not None:
        run.notices.append(f"the pin of a rollback to {pinned} has ended: {run.reason}")
