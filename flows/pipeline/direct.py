"""A run without Prefect: the steps of flows/refresh.py as plain functions, in the same order.

A test holds the two orders equal. Rejected: one order for both, which took each step as a closure and hid the way from
whoever opens the flow.
"""

from flows.pipeline.intake import check_limits, read_and_record, scan_sources
from flows.pipeline.outcome import finish, open_run
from flows.pipeline.release import (
    audit_release,
    deduplicate,
    load_release,
    needs_release,
    new_release,
    publish_release,
)
from flows.pipeline.request import RunRequest, RunResult
from flows.readers.local import LocalReaders, Readers


def run_direct(request: RunRequest, readers: Readers | None = None) -> RunResult:
    """Do a run without Prefect. `readers` read its documents; without, this machine does.

    Raises NewsmartError; what was seen is recorded and in state.json all the same.
    """
    with LocalReaders(request.processes) as local, open_run(request, readers or local) as run:
        seen = scan_sources(run)
        read_and_record(run, seen)
        check_limits(run)
        if needs_release(run):
            with new_release(run) as release:
                deduplicate(release)
                load_release(release)
                audit_release(release)
                publish_release(release)
        return finish(run)
