"""The way of a run without Prefect: the steps of flows/refresh.py as plain functions, in the same order.

A test holds the two orders equal. Rejected: one order for both, which took each step as a closure and hid the way from
whoever opens the flow.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from flows.engines.readers import LocalReaders, Readers
from flows.pipeline.begin import Run, open_run
from flows.pipeline.intake import read_and_record, scan_sources
from flows.pipeline.outcome import check_all_listed, finish, note_failure
from flows.pipeline.release import (
    audit_release,
    check_limits,
    deduplicate,
    load_release,
    needs_release,
    new_release,
    publish_release,
)
from flows.pipeline.request import RunRequest, RunResult


def run_direct(request: RunRequest, readers: Readers | None = None) -> RunResult:
    """Do a run without Prefect. `readers` are those that were begun early, or a cluster's; without, this machine reads.

    Raises NewsmartError; what was seen is recorded and told in state.json all the same.
    """
    with LocalReaders(request.processes) as local, begin(request, readers or local) as run:
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


@contextmanager
def begin(request: RunRequest, readers: Readers) -> Iterator[Run]:
    """Open a run for the block. What ends it by an error is noted in the ledger and in state.json.

    Raises SourceUnreadable at its end where folders could not be listed; the rest is done all the same.
    """
    with open_run(request, readers) as run:
        try:
            yield run
        except Exception as error:
            if not run.traces.is_told:
                note_failure(run, error)
            raise
        is_published = run.traces.published is not None
        rest = "the rest was published" if is_published else "of the rest nothing was new to publish"
        check_all_listed(run, rest)
