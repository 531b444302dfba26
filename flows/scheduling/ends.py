"""How our flows begin and end in Prefect: a step as a task, the state that carries result or error, the hooks.

A retry is asked for by the error's class alone, as no list of messages stays true.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.context import FlowRunContext
from prefect.flows import Flow
from prefect.states import Cancelled, Completed, Failed
from prefect.tasks import Task

from flows.engines.readers import LocalReaders, Readers
from flows.pipeline.hooks import failure_event, tell_failure
from flows.pipeline.opening import open_run
from flows.pipeline.request import RunRequest, RunResult, summary_of
from flows.pipeline.run import Run
from flows.scheduling.page import leave_report_of_failure
from flows.settings import load_settings
from schemas.errors import LockedError, NewsmartError, TransientFailure
from warehouse import interrupts
from warehouse.home import Home
from warehouse.run_state import failed_run_id, state_before, status_of

P = ParamSpec("P")
R = TypeVar("R")

SKIPPED = "Skipped"
RETRIES = 3
RETRY_DELAYS = [1.0, 5.0, 25.0]


def can_retry(step: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Tell whether a failed step is worth another try: its error says so by its class."""
    return isinstance(state.result(raise_on_failure=False), TransientFailure)


def step(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Return the decorator that makes a step a task of this name.

    What steps hand on is large and stays in this process: nothing of it is hashed or stored.
    """
    return task(
        name=name,
        task_run_name=name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=RETRIES,
        retry_delay_seconds=RETRY_DELAYS,
        retry_condition_fn=can_retry,
    )


class End:
    """How a flow ends: its result, plain facts or a run's, or its error."""

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.result: Any = None
        self.error: NewsmartError | None = None

    def state(self) -> State[Any]:
        """Return the state that carries it."""
        if self.error is None:
            return Completed(message=in_words(self.result), data=self.result)
        if isinstance(self.error, LockedError):
            return Cancelled(name=SKIPPED, message=str(self.error), data=self.error)
        return Failed(name=status_of(self.error).capitalize(), message=str(self.error), data=self.error)


@contextmanager
def ending() -> Iterator[End]:
    """Yield what the block says its end in; our own errors are kept there, all others pass and show a traceback."""
    end = End()
    try:
        with interrupts.kept():
            yield end
    except NewsmartError as error:
        end.error = error
        level = logging.INFO if isinstance(error, LockedError) else logging.ERROR
        get_run_logger().log(level, str(error))


def in_words(result: object) -> str:
    """Return a result as one line."""
    if isinstance(result, RunResult):
        return summary_of(result)
    if isinstance(result, Mapping):
        return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in result.items())
    return str(result)


@contextmanager
def begun_in_flow(request: RunRequest) -> Iterator[Run]:
    """Open a run for the block, under the flow run's name; batches are tasks where Dask reads. A failure is reported.

    Raises NewsmartError.
    """
    begun: Run | None = None
    try:
        with task_readers(request) as readers, open_run(request, readers) as run:
            begun = run
            name_flow_run(run.run_id)
            yield run
    except NewsmartError as error:
        if begun is not None:
            leave_report_of_failure(begun.run_id, str(error), state_before(begun.home))
        raise


@contextmanager
def task_readers(request: RunRequest) -> Iterator[Readers]:
    """Yield readers that read batches as tasks on the request's cluster, or those of this machine."""
    if not request.engine.is_dask:
        with LocalReaders(request.processes) as local:
            yield local
        return
    # Not at the top: Dask is an extra.
    from flows.engines.dask_readers import DaskReaders
    from flows.scheduling.batches import task_cluster

    engine = request.engine
    open_cluster = partial(task_cluster, engine, request.processes, copy_context())
    with DaskReaders(open_cluster, is_own=not engine.address) as readers:
        yield readers


def name_flow_run(run_id: str) -> None:
    """Give the flow run the name of the run in ops.run. A server that is gone is a warning."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    try:
        with get_client(sync_client=True) as client:
            client.set_flow_run_name(context.flow_run.id, run_id)
    except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
        get_run_logger().warning("%s: not named in Prefect: %s", run_id, error)


def tell_hooks(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any], folder: str | None = None) -> None:
    """Tell the user's hooks that a deployment's run has failed. Who calls a flow sees its state."""
    if flow_run.deployment_id is None:
        return
    settings = load_settings()
    warehouse = str(flow_run.parameters.get("warehouse") or settings.warehouse)
    # The name that the flow run has here is that of before it was named after the run.
    run_id = flow_run.name if state.is_crashed() else failed_run_id(Home.of(Path(warehouse)))
    event = failure_event(warehouse, (state.name or "failed").lower(), state.message or "", run_id)
    for warning in tell_failure(settings, event, folder):
        logging.getLogger("newsmart").warning(warning)
