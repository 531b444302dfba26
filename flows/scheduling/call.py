"""The part of `newsmart run` that needs Prefect: call the flow, and take its result or its error from its state."""

import logging
from dataclasses import replace
from typing import Any

import anyio
from prefect.events.worker import EventsWorker
from prefect.exceptions import TerminationSignal
from prefect.logging.handlers import APILogWorker
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.pipeline.request import RunResult, Told
from flows.refresh import refresh, result_of
from schemas.errors import RunFailed
from warehouse import interrupts

FLUSH_SECONDS = 5.0


def prepare() -> None:
    """Make this process ready for Prefect's threads.

    anyio imports its event loop at first use: two threads that come to it at the same moment each wait for a module
    that the other is importing, for ever (seen once in some hundred runs on a busy machine). And Prefect's log worker
    writes to stderr where a server is lost, unless the standard library is told to hold back.
    """
    anyio.run(anyio.sleep, 0)
    logging.raiseExceptions = False


def call_refresh(parameters: dict[str, Any], told: Told) -> RunResult:
    """Run the refresh flow in this process.

    Raises what the pipeline raised, its class kept; RunFailed where the flow run ended without a result, such as by its
    timeout; KeyboardInterrupt after a signal. Where Prefect cannot note the end, what the run told of it counts, and a
    notice says so.
    """
    prepare()
    with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        try:
            state = refresh(**parameters, return_state=True)
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


def flush() -> None:
    """Send what still waits in Prefect's queues, while the server is there to take it."""
    for worker in (EventsWorker, APILogWorker):
        worker.drain_all(timeout=FLUSH_SECONDS)
