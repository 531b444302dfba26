"""What lies between a Prefect flow run and the pipeline: who asked for it, how it runs, and how it ends.

A flow's parameters cannot carry everything a caller in this process has (its settings, its progress line), and a
state cannot carry an exception to it without Prefect's traceback on the terminal. Both go through a `Call`, which a
context variable holds for the length of the flow run; under a Prefect worker there is none, and the defaults do.

anyio's backend is imported here, in the main thread. Left to itself, anyio imports it at its first use, which is in two
event loop threads of Prefect at once, and the two have been seen to wait for each other's import lock for ever.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import anyio._backends._asyncio  # noqa: F401
from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.context import FlowRunContext
from prefect.flows import Flow
from prefect.states import Cancelled, Completed, Failed

from flows.engines.readers import LocalReaders, Readers
from flows.runs.begin import open_run
from flows.runs.hooks import failure_event, tell_failure
from flows.runs.pipeline import refresh as refresh_warehouse
from flows.runs.request import OnEnd, OnStep, RunRequest, RunResult, tell_nobody
from flows.runs.state import failed_run_id, state_before, status_of
from flows.scheduling.artifacts import report_of, report_of_failure
from flows.scheduling.prefect_steps import Log, do_as_tasks, leave_artifacts
from flows.settings import Settings, load_settings
from schemas.errors import LockedError, NewsmartError
from warehouse import interrupts
from warehouse.home import Home

SKIPPED = "Skipped"


def show_nothing(name: str, seconds: float | None) -> None:
    """Be the progress of a run that nobody watches."""


@dataclass(slots=True)
class Call:
    """A flow run that this process asked for, and what came of it. `request` None: the flow's parameters make it."""

    settings: Settings = field(default_factory=load_settings)
    request: RunRequest | None = None
    on_step: OnStep = show_nothing
    on_end: OnEnd = tell_nobody
    results: list[RunResult] = field(default_factory=list)
    error: Exception | None = None


_CALL: ContextVar[Call | None] = ContextVar("newsmart_call", default=None)


@contextmanager
def calling(call: Call) -> Iterator[Call]:
    """Make a call the one that flows see, for the block."""
    token = _CALL.set(call)
    try:
        yield call
    finally:
        _CALL.reset(token)


def current_call() -> Call:
    """Return the call of this flow run; under a Prefect worker one with the settings of its environment."""
    return _CALL.get() or Call()


def run_log() -> Log:
    """Return the log of the flow run, which the page shows."""
    log: Log = get_run_logger()
    return log


def scheduled_at() -> datetime | None:
    """Return when a deployment's run was due, naive UTC; None for a run that nobody scheduled."""
    context = FlowRunContext.get()
    run = None if context is None else context.flow_run
    if run is None or run.deployment_id is None or run.expected_start_time is None:
        return None
    return run.expected_start_time.astimezone(UTC).replace(tzinfo=None)


def run_as_tasks(request: RunRequest, call: Call) -> RunResult:
    """Do one run of the pipeline, its steps as tasks, and leave its artifacts. Raises NewsmartError."""
    log = run_log()
    with task_readers(request) as readers, open_run(request, readers, call.on_end) as run:
        name_flow_run(run.run_id, log)
        try:
            result = refresh_warehouse(run, do_as_tasks(log, run.run_id, call.on_step))
        except NewsmartError as error:
            leave_artifacts(report_of_failure(run.run_id, str(error), state_before(run.home)), log)
            raise
        call.results.append(result)
    log.info(told(result))
    leave_artifacts(report_of(result), log)
    return result


@contextmanager
def task_readers(request: RunRequest) -> Iterator[Readers]:
    """Yield readers that read batches as tasks on the request's cluster, or those of this machine."""
    if not request.engine.is_dask:
        with LocalReaders(request.processes) as local:
            yield local
        return
    # Not at the top: Dask is an extra.
    from flows.engines.dask_readers import DaskReaders
    from flows.scheduling.prefect_batches import task_cluster

    engine = request.engine
    open_cluster = partial(task_cluster, engine, request.processes, copy_context())
    with DaskReaders(open_cluster, is_own=not engine.address) as readers:
        yield readers


def name_flow_run(run_id: str, log: Log) -> None:
    """Give the flow run the name of the run in ops.run. A server that is gone is a warning."""
    context = FlowRunContext.get()
    if context is None or context.flow_run is None:
        return
    try:
        with get_client(sync_client=True) as client:
            client.set_flow_run_name(context.flow_run.id, run_id)
    except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
        log.warning("%s: not named in Prefect: %s", run_id, error)


def told(result: RunResult) -> str:
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


def in_words(done: Mapping[str, object]) -> str:
    """Return plain facts as one line."""
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in done.items())


def conclude(call: Call, work: Callable[[], str]) -> State[Any]:
    """Do a flow's work, which says in a line what it did, and return the state that tells how the flow ended.

    Lets all but our own errors pass, so that the page shows their traceback.
    """
    try:
        with interrupts.kept():
            return Completed(message=work())
    except LockedError as error:
        call.error = error
        run_log().info("skipped: %s", error)
        return Cancelled(name=SKIPPED, message=str(error))
    except NewsmartError as error:
        call.error = error
        run_log().error(str(error))
        return Failed(name=status_of(error).capitalize(), message=str(error))
    except Exception as error:
        call.error = error
        raise


def tell_hooks(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Tell the user's hooks of a failed flow run. Where the command line made the request, it tells them itself."""
    call = current_call()
    if call.request is None:
        warehouse = str(flow_run.parameters.get("warehouse") or call.settings.warehouse)
        # The name that the flow run has here is that of before it was named after the run.
        run_id = flow_run.name if state.is_crashed() else failed_run_id(Home.of(Path(warehouse)))
        event = failure_event(warehouse, (state.name or "failed").lower(), state.message or "", run_id)
        for warning in tell_failure(call.settings, event):
            logging.getLogger("newsmart").warning(warning)
