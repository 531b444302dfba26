"""The part of `newsmart run` that needs Prefect: call the flow, and take its result or its error out of it."""

import logging
from dataclasses import replace

import anyio
from prefect.events.worker import EventsWorker
from prefect.exceptions import TerminationSignal
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.runs.request import OnEnd, OnStep, RunRequest, RunResult, tell_nobody
from flows.scheduling.prefect_calls import Call, calling
from flows.scheduling.prefect_flows import refresh
from schemas.errors import RunFailed
from warehouse import interrupts

FLUSH_SECONDS = 5.0


def load_event_loop() -> None:
    """Import anyio's event loop here and now.

    anyio imports it at first use. Two threads of Prefect's that come to it at the same moment each wait for a module
    that the other is importing, for ever: seen once in some hundred runs on a busy machine.
    """
    anyio.run(anyio.sleep, 0)


def call_refresh(request: RunRequest, on_step: OnStep, on_end: OnEnd = tell_nobody) -> RunResult:
    """Run the refresh flow in this process; `on_step` and `on_end` as of `run_direct`.

    Raises what the pipeline raised, its class kept; RunFailed where the flow run ended without one, such as by its
    timeout; KeyboardInterrupt after a signal. What Prefect fails to note after the pipeline's end is a warning.
    """
    load_event_loop()
    # Prefect's log worker writes to stderr where a server is lost, unless the standard library is told to hold back.
    logging.raiseExceptions = False
    call = Call(settings=request.settings, request=request, on_step=on_step, on_end=on_end)
    lost = ""
    with calling(call), temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        try:
            state = refresh(**parameters(request), return_state=True)
            message = state.message or state.name
        except TerminationSignal:
            raise interrupts.Terminated from None
        except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
            message = lost = f"Prefect could not note how the run ended: {' '.join(str(error).split())}"
    if call.error is not None:
        raise call.error
    if not call.results:
        raise RunFailed("the flow run came to nothing", where=message)
    result = call.results[-1]
    return replace(result, notices=[*result.notices, lost]) if lost else result


def parameters(request: RunRequest) -> dict[str, object]:
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


def flush() -> None:
    """Send what still waits in Prefect's queues, while the server is there to take it."""
    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=FLUSH_SECONDS)
