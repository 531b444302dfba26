"""The refresh flow: from the sources to a published release. Start reading here.

Each task is a step: a plain function of flows/pipeline that Prefect shows, times and, where the error's class says
that it helps, tries again. A task is a step and never a document: it costs 3 ms and a row in Prefect's database.

The flow itself is never tried again, for a failed audit would only fail again. A timeout raises in the step that runs:
its transaction is rolled back and the lock let go, and the next run goes on from there. It cannot break into a query in
a thread, so a worker ends an overdue process (scheduling/worker.py).
"""

from prefect import flow

from flows.pipeline import intake
from flows.pipeline import release as making
from flows.pipeline.request import RunResult
from flows.pipeline.run import finish
from flows.scheduling.flow_run import begin_run, ends_in_a_state, step, tell_hooks
from flows.scheduling.page import BatchProgress

HOUR = 3600
TIMEOUT_SECONDS = 6 * HOUR

# The steps as tasks.
extract = step("extract")(intake.scan_sources)
validate = step("validate")(intake.read_and_record)
deduplicate = step("deduplicate")(making.deduplicate)
load = step("load")(making.load_release)
audit = step("audit")(making.audit_release)
publish = step("publish")(making.publish_release)


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
        found = extract(run)
        validate(run, found, BatchProgress())
        intake.check_limits(run)
        if making.needs_release(run):
            with making.new_release(run) as release:
                deduplicate(release)
                load(release)
                audit(release)
                publish(release)
        return finish(run)
