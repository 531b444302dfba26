"""What a step of a run tells while it goes: how long it took, and a line in the log.

The log is the standard library's, and the one way out for progress: a terminal listens to it (commands/progress.py),
and Prefect's page shows it, as it is one of Prefect's extra loggers. So a step is a plain function that knows of
neither. How a run ended is told there too, in the record's `result` and `error`: Prefect cannot hand it over where its
server has died meanwhile.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

from flows.pipeline.begin import Run
from flows.pipeline.request import LOGGER, RunResult
from warehouse import interrupts

log = logging.getLogger(LOGGER)


@contextmanager
def step(run: Run, name: str, *, counts_as: str | None = None) -> Iterator[None]:
    """Time the block, in the run's traces and in the log.

    In: the step's name; `counts_as`, the key under which its seconds count where that is another step's, which is
    still to come and tells the sum.
    """
    interrupts.check()
    log.info("%s: %s …", run.run_id, name, extra={"step": name, "seconds": None})
    key, start = counts_as or name, monotonic()
    try:
        yield
    finally:
        spent = monotonic() - start - (run.traces.seconds.get("read", 0.0) if name == "record" else 0.0)
        run.traces.seconds[key] = run.traces.seconds.get(key, 0.0) + spent
    if counts_as is None:
        done = run.traces.seconds[key] + (run.traces.seconds.get("read", 0.0) if name == "record" else 0.0)
        log.info("%s: %s done in %.2f s", run.run_id, name, done, extra={"step": name, "seconds": done})


def tell_end(result: RunResult, error: Exception | None = None) -> None:
    """Tell what a run did, and the error that it ended by."""
    told = {"result": result, "error": error}
    if error is None:
        log.info("%s", summary_of(result), extra=told)
    else:
        log.error("%s: %s", result.run_id, error, extra=told)


def summary_of(result: RunResult) -> str:
    """Return what a run did, in one line."""
    problems = result.quarantine_entries or 0
    seen = f"{result.documents.get('seen', 0):,} documents seen, {problems:,} problems in quarantine"
    if not result.published:
        return f"{result.run_id}: nothing new to publish; {seen}"
    change = result.changes
    return (
        f"{result.run_id}: published {result.articles or 0:,} articles "
        f"({change.added:,} added, {change.changed:,} changed, {change.withdrawn:,} withdrawn); {seen}"
    )
