"""How a step of the pipeline becomes a task, and a run's report becomes artifacts.

A step is one task, never a document: a task costs 3 ms and a row in the server. What steps hand on stays in this
process; nothing is persisted, hashed or looked through, since a task sees only a closure. A retry is asked for by the
error's class alone, as no list of messages stays true.
"""

import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, TypeVar, cast

from prefect import task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import Task

from flows.runs.begin import Do
from flows.runs.request import OnStep
from flows.scheduling import artifacts
from flows.scheduling.artifacts import Report
from schemas.errors import TransientFailure

T = TypeVar("T")
Log = logging.Logger | logging.LoggerAdapter[logging.Logger]

RETRIES = 3
RETRY_DELAYS = [1.0, 5.0, 25.0]


def can_retry(step: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Tell whether a failed step is worth another try: its error says so by its class."""
    return isinstance(state.result(raise_on_failure=False), TransientFailure)


@task(
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=RETRIES,
    retry_delay_seconds=RETRY_DELAYS,
    retry_condition_fn=can_retry,
)
def run_step(step: Callable[[], Any]) -> Any:
    """Run one step of the pipeline as a task."""
    return step()


class Held:
    """A step that can be let go: Prefect's threads keep a task's parameters for ever, and so an open connection."""

    def __init__(self, step: Callable[[], Any]) -> None:
        """In: the step."""
        self._step: Callable[[], Any] | None = step

    def __call__(self) -> Any:
        """Run the step."""
        if self._step is None:
            raise RuntimeError("the step has been let go")
        return self._step()

    def let_go(self) -> None:
        """Forget the step."""
        self._step = None


def do_as_tasks(log: Log, run_id: str, on_step: OnStep) -> Do:
    """Return the `do` that runs each step as a task named after it, and logs one line for each."""

    def do(name: str, step: Callable[[], T]) -> T:
        on_step(name, None)
        start = monotonic()
        held = Held(step)
        try:
            made = cast(T, run_step.with_options(name=name, task_run_name=name)(held))
        finally:
            held.let_go()
        spent = monotonic() - start
        log.info("%s: %s done in %.2f s", run_id, name, spent)
        on_step(name, spent)
        return made

    return do


def leave_artifacts(report: Report, log: Log) -> None:
    """Put the run's report into Prefect. A server that is gone is a warning: the run itself is done."""
    texts = {
        "newsmart-summary": artifacts.summary(report),
        "newsmart-quarantine": artifacts.quarantine(report),
        "newsmart-audits": artifacts.audits(report),
    }
    try:
        for key, text in texts.items():
            create_markdown_artifact(text, key=key, description=f"run {report.run_id}")
    except Exception as error:  # noqa: BLE001  # httpx's, Prefect's and the engine's have no common base
        log.warning("%s: no artifacts in Prefect: %s", report.run_id, error)
