"""The refresh flow: from the sources to a published release. Start reading here.

Each task is a step, a plain function of flows/pipeline that Prefect shows, times and, where the error's class
says that it helps, tries again. A task is a step and never a document: it costs 3 ms and a row in Prefect's database.
What steps hand on stays in this process: nothing is persisted or cached.

The flow ends in a state that carries its result or its error: our own errors without a traceback, a warehouse that is
held as Skipped, which is no failure. The flow itself is never tried again, for a failed audit would only fail again.

A timeout raises in the step that runs: its transaction is rolled back and the lock let go, and the next run goes on
from there. It cannot break into a query in a thread, so a worker ends an overdue process (scheduling/worker.py).
"""

from prefect import flow

from flows.pipeline import release as making
from flows.pipeline.intake import Seen, check_limits, read_and_record, scan_sources
from flows.pipeline.outcome import finish
from flows.pipeline.release import Release, needs_release, new_release
from flows.pipeline.request import RunResult
from flows.pipeline.run import Run
from flows.scheduling.flow_run import begin_run, ends_in_a_state, step, tell_hooks
from flows.scheduling.page import BatchProgress, announce, leave_report
from warehouse.ledger.record import Balance
from warehouse.release.audit import AuditResult

HOUR = 3600
TIMEOUT_SECONDS = 6 * HOUR


@flow(
    name="refresh",
    timeout_seconds=TIMEOUT_SECONDS,
    on_completion=[tell_hooks],
    on_failure=[tell_hooks],
    on_crashed=[tell_hooks],
)
@ends_in_a_state
def refresh(
    source: list[str] | None = None,
    warehouse: str | None = None,
    as_of: str | None = None,
    full_refresh: bool = False,
    reparse: bool = False,
    max_quarantine: float | None = None,
    allow_shrink: bool = False,
    workers: int | None = None,
    engine: str | None = None,
    dask_address: str | None = None,
) -> RunResult:
    """Take in the sources and publish a release; the parameters are the options of `newsmart run`."""
    with begin_run(locals()) as run:
        seen = extract(run)
        validate(run, seen)
        check_limits(run)
        if needs_release(run):
            with new_release(run) as release:
                deduplicate(release)
                load(release)
                audit(release)
                publish(release)
        result = finish(run)
        event = announce(run.home, result)
    leave_report(run.home, result, event)
    return result


@step("extract")
def extract(run: Run) -> Seen:
    """List the documents of the sources."""
    return scan_sources(run)


@step("validate")
def validate(run: Run, seen: Seen) -> Balance:
    """Read what is new, judge and identify it, and record it in the ledger."""
    return read_and_record(run, seen, BatchProgress())


@step("deduplicate")
def deduplicate(release: Release) -> None:
    """Decide which URLs are one article: aliases and their closure."""
    making.deduplicate(release)


@step("load")
def load(release: Release) -> None:
    """Fill the star schema."""
    making.load_release(release)


@step("audit")
def audit(release: Release) -> tuple[AuditResult, ...]:
    """Run the audits; one that fails refuses the release."""
    return making.audit_release(release)


@step("publish")
def publish(release: Release) -> str:
    """Let readers see the release."""
    return making.publish_release(release)
