"""The process that runs scheduled flows for `newsmart serve`: a Prefect worker whose flows run in this process.

A worker type of our own, which is how Prefect is meant to be extended: `BaseWorker` looks for what is due, takes it and
tells the server that it lives; we say where a flow runs. Here it is a thread, so that a run costs half a second of
Prefect and not the four that a process and its imports take (`Runner`, the process worker: measured with 3.8.8).

Runs go one after another. A run whose time comes while another of its deployment goes on, or came while nothing served,
is skipped: a refresh looks at the whole source, so one is as good as ten.
"""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import anyio
import anyio.abc
import anyio.to_thread
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.flow_engine import run_flow
from prefect.flows import Flow
from prefect.states import Cancelled
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from flows.scheduling.deployments import next_due
from flows.scheduling.ends import SKIPPED
from flows.scheduling.job import Job
from flows.scheduling.serving import write_serving

NEXT_DUE_SECONDS = 5.0
ON_TIME_SECONDS = 30.0
OWN_TO_A_RUN = ("full_refresh", "reparse", "as_of", "allow_shrink")
OVERLAP = "it was due while another run went on"
LATE = "it was due while nothing served"

log = logging.getLogger("newsmart.serve")


class Result(BaseWorkerResult):
    """What Prefect wants to know of a run that has been taken: its status is 0, its state says the rest."""


class ThreadWorker(BaseWorker[BaseJobConfiguration, BaseVariables, Result]):
    """Runs the flows of one served warehouse in a thread of this process, one after another."""

    type = "newsmart"
    job_configuration = BaseJobConfiguration
    _description = "Runs flows inside the process of `newsmart serve`."
    _display_name = "newsmart"

    def __init__(self, job: Job, pool: str, served: Mapping[UUID, Flow[..., Any]]) -> None:
        """In: the job; the work pool; which flow each deployment runs."""
        super().__init__(work_pool_name=pool, name=f"{job.name} {os.getpid()}", prefetch_seconds=0)
        self._job = job
        self._served = served
        self._turn = anyio.Lock()
        self._waiting: set[UUID] = set()
        self._free_since = datetime.now(UTC)
        self._looked_at = 0.0
        self.runs = 0
        self.running_since: float | None = None
        self.is_stopping = False

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Look for what is due, unless this process is to end; tell what is due next."""
        if self.is_stopping:
            return []
        found = await super().get_and_submit_flow_runs()
        if time.monotonic() - self._looked_at > NEXT_DUE_SECONDS:
            self._looked_at = time.monotonic()
            await anyio.to_thread.run_sync(self._tell_next_due)
        return found

    async def run(
        self,
        flow_run: FlowRun,
        configuration: BaseJobConfiguration,
        task_status: anyio.abc.TaskStatus[int] | None = None,
    ) -> Result:
        """Run a flow run, or skip it."""
        if task_status is not None:
            task_status.started(os.getpid())
        deployment = flow_run.deployment_id
        why = self._why_skip(flow_run)
        if why is not None or deployment is None:
            await self._skip(flow_run, why or "it belongs to no deployment of this warehouse")
        else:
            self._waiting.add(deployment)
            try:
                async with self._turn:
                    await anyio.to_thread.run_sync(self._run_flow, flow_run, self._served[deployment])
            finally:
                self._waiting.discard(deployment)
        return Result(status_code=0, identifier=str(os.getpid()))

    def _why_skip(self, run: FlowRun) -> str | None:
        if run.deployment_id not in self._served:
            return "it belongs to no deployment of this warehouse"
        if self.is_stopping:
            return "`newsmart serve` was stopping"
        due = run.expected_start_time or datetime.now(UTC)
        if run.deployment_id in self._waiting:
            return OVERLAP
        if due < self._free_since and (datetime.now(UTC) - due).total_seconds() > ON_TIME_SECONDS:
            return LATE
        return None

    async def _skip(self, run: FlowRun, why: str) -> None:
        await self.client.set_flow_run_state(run.id, Cancelled(name=SKIPPED, message=why), force=True)
        log.info("skipped a run: %s", why)

    def _run_flow(self, run: FlowRun, flow: Flow[..., Any]) -> None:
        """Run a flow in this thread. All that comes of it is a state and a line in the log."""
        self.running_since = time.monotonic()
        try:
            parameters = served_parameters(flow, run.parameters, self._job.parameters)
            state: Any = run_flow(flow, flow_run=run, parameters=parameters, return_type="state")
            log.log(_level(state), "%s: %s", state.name.lower(), one_line(state.message or ""))
        except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
            log.error("Prefect could not note how a run ended: %s: %s", type(error).__name__, one_line(error))
        finally:
            self.runs += 1
            self.running_since = None
            self._free_since = datetime.now(UTC)

    def _tell_next_due(self) -> None:
        with get_client(sync_client=True) as client:
            due = next_due(client, next(iter(self._served)))
        text = None if due is None else due.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
        try:
            write_serving(self._job.home, replace(self._job.serving, next_due_at=text))
        except OSError as error:
            log.warning("cannot write serve.json: %s", error)


def served_parameters(flow: Flow[..., Any], asked: Mapping[str, Any], job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a served run takes: its job's parameters, and of its own those alone that open no other place.

    Who may ask the API could else have any folder read and published, and any address dialled. A line tells of what is
    left out.
    """
    left_out = sorted(name for name in asked if name not in OWN_TO_A_RUN and asked[name] != job.get(name))
    if left_out:
        log.warning("a run asked for its own %s; what `newsmart serve` was told stays", ", ".join(left_out))
    taken = {**job, **{name: asked[name] for name in OWN_TO_A_RUN if name in asked}}
    return {name: value for name, value in taken.items() if name in flow.parameters.properties}


def _level(state: State[Any]) -> int:
    return logging.INFO if state.type is StateType.COMPLETED or state.name == SKIPPED else logging.ERROR


def one_line(error: object) -> str:
    """Return a text as one line that is not too long."""
    return " ".join(str(error).split())[:500]
