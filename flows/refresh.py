"""The refresh flow: from the sources to a published release. Start reading here.

Each task is a step, a plain function of flows/pipeline that Prefect shows, times and, where the error's class
says that it helps, tries again. A task is a step and never a document: it costs 3 ms and a row in Prefect's database.
What steps hand on stays in this process: nothing is persisted or cached.

A flow's parameters are small, plain and free of secrets, as the server keeps and shows them. It ends in a state that
carries its result or its error: our own errors without a traceback, a warehouse that is held as Skipped, which is no
failure. The flow itself is never tried again, for a failed audit would only fail again.

A timeout raises in the step that runs: its transaction is rolled back and the lock let go, and the next run goes on
from there. It cannot break into a query in a thread, so that a worker ends an overdue process (scheduling/service.py).
"""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext

from flows.pipeline import release as making
from flows.pipeline.intake import Seen, read_and_record, scan_sources
from flows.pipeline.limits import check_limits
from flows.pipeline.outcome import finish
from flows.pipeline.release import Release, needs_release, new_release
from flows.pipeline.request import RunRequest, RunResult, request_of
from flows.pipeline.run import Run
from flows.scheduling.ends import begun_in_flow, ending, step, tell_hooks
from flows.scheduling.page import BatchProgress, leave_report
from flows.settings import load_settings
from schemas.errors import RunFailed
from warehouse.ledger.record import Balance
from warehouse.release.audit import AuditResult
from warehouse.run_state import attempt

HOUR = 3600
TIMEOUT_SECONDS = 6 * HOUR


@flow(name="refresh", timeout_seconds=TIMEOUT_SECONDS, on_failure=[tell_hooks], on_crashed=[tell_hooks])
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
) -> State[Any]:
    """Take in the sources and publish a release; the parameters are the options of `newsmart run`."""
    asked = {name: value for name, value in locals().items() if value is not None}
    with ending() as end, attempt(Path(warehouse or load_settings().warehouse)):
        with begun_in_flow(request_of(load_settings(), scheduled_at=scheduled_at(), **asked)) as run:
            seen = extract(run)
            validate(run, seen)
            check_limits(run)
            if needs_release(run):
                with new_release(run) as release:
                    deduplicate(release)
                    load(release)
                    audit(release)
                    publish(release)
            end.result = finish(run)
        leave_report(end.result)
    return end.state()


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
    """Settle which URLs are one article: aliases and their closure."""
    making.deduplicate(release)


@step("load")
def load(release: Release) -> None:
    """Fill the star schema."""
    making.load_release(release)


@step("audit")
def audit(release: Release) -> tuple[AuditResult, ...]:
    """Ask each audit's question of the release; one failing refuses it."""
    return making.audit_release(release)


@step("publish")
def publish(release: Release) -> str:
    """Let readers see the release."""
    return making.publish_release(release)


def parameters_of(request: RunRequest) -> dict[str, Any]:
    """Return the flow's parameters that say what the request says."""
    return {
        "source": [f"{source.name}={source.root}" for source in request.sources],
        "warehouse": str(request.warehouse),
        "as_of": None if request.as_of is None else request.as_of.isoformat(),
        "full_refresh": request.full_refresh,
        "reparse": request.reparse,
        "max_quarantine": request.max_quarantine,
        "allow_shrink": request.allow_shrink,
        "workers": request.workers,
        "engine": request.engine.name,
        "dask_address": request.engine.address,
    }


def scheduled_at() -> datetime | None:
    """Return when a deployment's run was due, naive UTC; None for a run that nobody scheduled."""
    context = FlowRunContext.get()
    run = None if context is None else context.flow_run
    if run is None or run.deployment_id is None or run.expected_start_time is None:
        return None
    return run.expected_start_time.astimezone(UTC).replace(tzinfo=None)


def result_of(state: State[Any]) -> RunResult:
    """Return the result that a state of the flow carries, or raise its error."""
    told = state.result(raise_on_failure=False)
    if state.name == "TimedOut":
        raise RunFailed("the flow run came to nothing", where=state.message)
    if isinstance(told, BaseException):
        raise told
    if not isinstance(told, RunResult):
        raise RuntimeError(f"the flow run ended as {state.name} without a result")
    return told
