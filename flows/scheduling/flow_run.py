"""What our flows have in common: a step as a task, a run that begins in a flow run, the state that ends it, the hooks.

A retry is asked for by the error's class alone, as no list of messages stays true.
"""

import atexit
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import copy_context
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import anyio
from prefect import get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, TaskRun
from prefect.context import FlowRunContext
from prefect.events.worker import EventsWorker
from prefect.exceptions import TerminationSignal
from prefect.flows import Flow
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Cancelled, Completed, Failed
from prefect.tasks import Task

from flows.pipeline.hooks import notify_failure, notify_published
from flows.pipeline.readers import readers_of
from flows.pipeline.request import RunListener, RunResult, lines_of, request_of
from flows.pipeline.run import Run, open_run
from flows.process import close_stderr
from flows.scheduling.page import leave_report, optional
from flows.settings import load_settings, process_environment
from schemas.errors import LockedError, NewsmartError, RunFailed, TransientFailure
from warehouse import interrupts
from warehouse.home import Home
from warehouse.run_state import attempt, status_of

if TYPE_CHECKING:
    from flows.readers.dask_cluster import Cluster

P = ParamSpec("P")
R = TypeVar("R")

SKIPPED = "Skipped"
FLUSH_SECONDS = 5.0
RETRY_DELAYS = [1.0, 5.0, 25.0]

# In a process that a process worker of Prefect's started for one flow run, whose log would end in what DuckDB's binding
# writes at exit. Prefect's documentation does not name the variable; prefect/workers/base.py sets it (3.8.8).
if "PREFECT__FLOW_RUN_ID" in process_environment():
    atexit.register(close_stderr)


def prepare_process() -> None:
    """Make this process, which is ours alone, ready for Prefect's threads.

    anyio imports its event loop at first use: two threads that come to it at the same moment each wait for a module
    that the other is importing, for ever (seen once in some hundred runs on a busy machine). And Prefect's log worker
    writes to stderr where a server is lost, unless the standard library is told to hold back.
    """
    anyio.run(anyio.sleep, 0)
    logging.raiseExceptions = False


def flush() -> None:
    """Send what still waits in Prefect's queues, while the server is there to take it."""
    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=FLUSH_SECONDS)


def step(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Return the decorator that makes a step a task of this name.

    What steps hand on is large and stays in this process: nothing of it is hashed or stored.
    """
    return task(
        name=name,
        task_run_name=name,
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=len(RETRY_DELAYS),
        retry_delay_seconds=RETRY_DELAYS,
        retry_condition_fn=can_retry,
    )


def can_retry(step: Task[..., Any], run: TaskRun, state: State[Any]) -> bool:
    """Tell whether a failed step is worth another try: its error says so by its class."""
    return isinstance(state.result(raise_on_failure=False), TransientFailure)


def ends_in_a_state(function: Callable[P, R]) -> Callable[P, State[Any]]:
    """Make a flow's function return a state that carries its result, or the error of ours that it raised.

    Our errors come without a traceback, and a warehouse that is held is Skipped, which is no failure; all other errors
    pass.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> State[Any]:
        try:
            with interrupts.in_front():
                result = function(*args, **kwargs)
        except LockedError as error:
            get_run_logger().info(str(error))
            return Cancelled(name=SKIPPED, message=str(error), data=error)
        except NewsmartError as error:
            get_run_logger().error(str(error))
            return Failed(name=status_of(error).capitalize(), message=str(error), data=error)
        words = "; ".join(lines_of(result)) if isinstance(result, RunResult) else str(result)
        return Completed(message=words, data=result)

    return call


def call_flow(flow: Callable[..., Any], parameters: Mapping[str, Any], told: RunListener) -> RunResult:
    """Run the refresh flow in this process, for `newsmart run`. `told` listens to the run's log.

    Raises what the pipeline raised, its class kept; RunFailed where the flow run ended without a result, such as by its
    timeout; KeyboardInterrupt after a signal. Where Prefect cannot note the end, what the run told of it counts, and a
    notice says so.
    """
    prepare_process()
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        try:
            state: State[Any] = flow(**parameters, return_state=True)
        except TerminationSignal:
            raise interrupts.Terminated from None
        except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
            lost = f"Prefect could not note how the run ended: {' '.join(str(error).split())}"
            if told.error is not None:
                raise told.error from None
            if told.result is None:
                raise RunFailed("the flow run came to nothing", where=lost) from None
            return replace(told.result, notices=[*told.result.notices, lost])
    return result_of(state)


def result_of(state: State[Any]) -> RunResult:
    """Return the result that a state of the flow carries, or raise its error."""
    result = state.result(raise_on_failure=False)
    if isinstance(result, RunResult):
        return result
    if isinstance(result, BaseException) and state.name != "TimedOut":
        raise result
    raise RunFailed("the flow run came to nothing", where=state.message)


@contextmanager
def begin_run(parameters: Mapping[str, Any]) -> Iterator[Run]:
    """Begin the run that a flow's parameters ask for; the flow run gets its name, and its report at the end."""
    settings = load_settings()
    run: Run | None = None
    with attempt(Path(parameters["warehouse"] or settings.warehouse)):
        asked = {name: value for name, value in parameters.items() if value is not None}
        request = request_of(settings, scheduled_at=_scheduled_at(), **asked)
        context = copy_context()  # without the step that reads

        def open_cluster(address: str, processes: int) -> "AbstractContextManager[Cluster]":
            from flows.scheduling.batches import task_cluster  # not at the top: Dask is an extra

            return task_cluster(address, processes, context)

        try:
            with readers_of(request, open_cluster) as readers, open_run(request, readers) as run:
                _name_flow_run(run.run_id)
                yield run
        except NewsmartError as error:
            leave_report(run, error)
            raise
        leave_report(run)


def _flow_run() -> FlowRun | None:
    # Not `prefect.runtime`: its `deployment.id` asks the server, and names the parent's for a flow in a flow (3.8.8).
    context = FlowRunContext.get()
    return None if context is None else context.flow_run


def _scheduled_at() -> datetime | None:
    """Return when a deployment's run was due, naive UTC; None for a run that nobody scheduled."""
    run = _flow_run()
    if run is None or run.deployment_id is None or run.expected_start_time is None:
        return None
    return run.expected_start_time.astimezone(UTC).replace(tzinfo=None)


def _name_flow_run(run_id: str) -> None:
    """Give the flow run the name of the run in ops.run, by which the hooks know it."""
    run = _flow_run()
    if run is None:
        return
    run.name = run_id
    with optional("not named in Prefect"), get_client(sync_client=True) as client:
        client.set_flow_run_name(run.id, run_id)


def tell_hooks(
    flow: Flow[..., Any],
    flow_run: FlowRun,
    state: State[Any],
    folder: str | None = None,
    warehouse: str | None = None,
) -> None:
    """Tell the user's hooks how a deployment's run ended: the release that it published, and that it failed.

    Of a run that was cancelled, and of one that is a step of another flow's, as in a backfill, the release alone is
    told: who cancels a run, or calls a flow, sees its state. In: where a command starts, and the warehouse where it is
    not as the run's parameters say.
    """
    is_deployed = flow_run.deployment_id is not None
    if not is_deployed and flow_run.parent_task_run_id is None:
        return
    settings = load_settings()
    file = Path(warehouse or flow_run.parameters.get("warehouse") or settings.warehouse)
    run_id = flow_run.name if flow_run.name.startswith("run-") else None  # begin_run has named it
    result = state.result(raise_on_failure=False)
    release = result.release if isinstance(result, RunResult) else _published_by(run_id, file)
    warnings = notify_published(settings, file, release, folder)
    if is_deployed and (state.is_failed() or state.is_crashed()):
        status = (state.name or "failed").lower()
        warnings += notify_failure(settings, str(file), status, state.message or "", run_id, folder)
    for warning in warnings:
        logging.getLogger("newsmart").warning(warning)


def _published_by(run_id: str | None, warehouse: Path) -> str | None:
    """Return the release that readers see if this run, which failed, made it: as where a folder could not be listed."""
    home = Home.of(warehouse)
    release_id = home.linked_release()
    if run_id is None or release_id is None or not release_id.startswith(run_id.removeprefix("run-")):
        return None
    return str(home.release_file(release_id))
