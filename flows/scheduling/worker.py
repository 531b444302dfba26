"""A Prefect worker whose flows run in its own process: registered with the server, watched, ended in time.

A worker type of our own, which is how Prefect is meant to be extended: `BaseWorker` looks for what is due, takes it and
tells the server that it lives; we say where a flow runs. Here it is a thread, so that a run costs half a second of
Prefect and not the four that a process and its imports take (`Runner`, the process worker: measured with 3.8.8).

Runs go one after another. A run whose time comes while another of its deployment goes on, or came while nothing served,
is skipped: a refresh looks at the whole source, so one is as good as ten.

After RECYCLE_RUNS the process is replaced, which bounds what leaks, and so it is where the server is lost for long. A
run that is asked to stop has STOP_SECONDS; after that, or past its flow's timeout, the process ends by force. The
pipeline is safe against that by design.
"""

import logging
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

import anyio
import anyio.abc
import anyio.to_thread
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.flow_engine import run_flow
from prefect.flows import Flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Cancelled
from prefect.workers.base import BaseJobConfiguration, BaseVariables, BaseWorker, BaseWorkerResult

from flows.maintenance import maintain
from flows.refresh import TIMEOUT_SECONDS, refresh
from flows.scheduling.call import flush, prepare
from flows.scheduling.deployments import deploy, make_pool, next_due, recover
from flows.scheduling.flow_run import SKIPPED, tell_hooks
from flows.scheduling.serving import NEW_PROCESS, Job, When, write_serving

MAINTAIN = When(cron="30 3 * * 0", spacing=7 * 86_400)
NEXT_DUE_SECONDS = 5.0
ON_TIME_SECONDS = 30.0
STOP_SECONDS = 10.0
OVERDUE_SECONDS = 60.0
AGAIN_SECONDS = 2.0
RECYCLE_RUNS = 300
OWN_TO_A_RUN = ("full_refresh", "reparse", "as_of", "allow_shrink")

log = logging.getLogger("newsmart.serve")


class Result(BaseWorkerResult):
    """What Prefect wants to know of a run that has been taken: its status is 0, its state says the rest."""


class ThreadWorker(BaseWorker[BaseJobConfiguration, BaseVariables, Result]):
    """Runs the flows of one served warehouse in a thread of this process, one after another."""

    type = "newsmart"
    job_configuration = BaseJobConfiguration
    _description = "Runs flows inside the process of `newsmart serve`."
    _display_name = "newsmart"

    def __init__(self, job: Job, served: Mapping[UUID, Flow[..., Any]]) -> None:
        """In: the job; which flow each deployment runs, the refresh first."""
        super().__init__(work_pool_name=job.name, name=f"{job.name} {os.getpid()}", prefetch_seconds=0)
        self.served = served
        self._job = job
        self._turn = anyio.Lock()
        self._waiting: set[UUID] = set()
        self._free_since = datetime.now(UTC)
        self._looked_at = 0.0
        self._running_since: float | None = None
        self._is_stopping = False
        self.runs = 0

    async def get_and_submit_flow_runs(self) -> list[FlowRun]:
        """Look for what is due, unless this process is to end; tell what is due next."""
        if self._is_stopping:
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
        deployment, why = flow_run.deployment_id, self._why_skip(flow_run)
        if why is not None or deployment is None:
            await self.client.set_flow_run_state(flow_run.id, Cancelled(name=SKIPPED, message=why), force=True)
            log.info("skipped a run: %s", why)
        else:
            self._waiting.add(deployment)
            try:
                async with self._turn:
                    await anyio.to_thread.run_sync(self._run_flow, flow_run, self.served[deployment])
            finally:
                self._waiting.discard(deployment)
        return Result(status_code=0, identifier=str(os.getpid()))

    def _why_skip(self, run: FlowRun) -> str | None:
        now = datetime.now(UTC)
        due = run.expected_start_time or now
        if run.deployment_id not in self.served:
            return "it belongs to no deployment of this warehouse"
        if self._is_stopping:
            return "`newsmart serve` was stopping"
        if run.deployment_id in self._waiting:
            return "it was due while another run went on"
        if due < self._free_since and (now - due).total_seconds() > ON_TIME_SECONDS:
            return "it was due while nothing served"
        return None

    def _run_flow(self, run: FlowRun, flow: Flow[..., Any]) -> None:
        """Run a flow in this thread. All that comes of it is a state and a line in the log."""
        self._running_since = time.monotonic()
        try:
            parameters = served_parameters(flow, run.parameters, self._job.parameters)
            state: Any = run_flow(flow, flow_run=run, parameters=parameters, return_type="state")
            is_well = state.type is StateType.COMPLETED or state.name == SKIPPED
            level = logging.INFO if is_well else logging.ERROR
            log.log(level, "%s: %s", state.name.lower(), one_line(state.message or ""))
        except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
            log.error("Prefect could not note how a run ended: %s: %s", type(error).__name__, one_line(error))
        finally:
            self.runs += 1
            self._running_since = None
            self._free_since = datetime.now(UTC)

    def _tell_next_due(self) -> None:
        with get_client(sync_client=True) as client:
            due = next_due(client, next(iter(self.served)))
        text = None if due is None else due.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
        try:
            write_serving(self._job.home, replace(self._job.serving, next_due_at=text))
        except OSError as error:
            log.warning("cannot write serve.json: %s", error)

    @property
    def running_seconds(self) -> float:
        """How long the run that goes on has taken; 0 where none does."""
        since = self._running_since
        return 0.0 if since is None else time.monotonic() - since

    def finish_runs(self) -> bool:
        """Start no further run, and wait for the one that goes on. Out: whether it ended in STOP_SECONDS."""
        self._is_stopping = True
        deadline = time.monotonic() + STOP_SECONDS
        while self.running_seconds and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.running_seconds


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


def one_line(error: object) -> str:
    """Return a text as one line that is not too long."""
    return " ".join(str(error).split())[:500]


def register(job: Job) -> ThreadWorker:
    """Make pool and deployments, end what a crash left there, and return a worker for them."""
    hook: Any = partial(tell_hooks, folder=job.folder)
    flows = [flow.with_options(on_failure=[hook], on_crashed=[hook]) for flow in (refresh, maintain)]
    warehouse = {"warehouse": job.parameters["warehouse"]}
    with get_client(sync_client=True) as client:
        make_pool(client, job.name, ThreadWorker.type, ThreadWorker.get_default_base_job_template())
        ids = [
            deploy(flows[0], job.name, job.when, job.parameters),
            deploy(flows[1], job.name, MAINTAIN, warehouse),
        ]
        if count := sum(recover(client, identity) for identity in ids):
            log.warning("%d run(s) of an earlier process were marked as crashed", count)
        if job.runs_now:
            client.create_flow_run_from_deployment(ids[0])
    return ThreadWorker(job, dict(zip(ids, flows, strict=True)))


def serve_until(job: Job, closed: threading.Event) -> int:
    """Serve the job until `closed` is set. Out: the exit status, 0 or that of a process that wants a new one."""
    prepare()
    while not closed.is_set():
        try:
            return _watch(register(job), closed)
        except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
            _tell_lost(error)
            closed.wait(AGAIN_SECONDS)
    return 0


def _watch(worker: ThreadWorker, closed: threading.Event) -> int:
    thread = threading.Thread(target=_work, args=(worker,), name="worker", daemon=True)
    thread.start()
    while thread.is_alive() and worker.runs < RECYCLE_RUNS and not closed.wait(0.2):
        if worker.running_seconds > TIMEOUT_SECONDS + OVERDUE_SECONDS:
            log.error("a run did not end by its timeout; its process is ended")
            return 1
    if not worker.finish_runs():
        log.warning("a run did not end within %g s; it is broken off, and the release stays as it was", STOP_SECONDS)
    elif closed.is_set():
        _pause(worker)
    return 0 if closed.is_set() else NEW_PROCESS


def _work(worker: ThreadWorker) -> None:
    try:
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            anyio.run(partial(worker.start, printer=lambda *_: None))
    except BaseException as error:  # noqa: BLE001  # httpx's, Prefect's, anyio's groups
        _tell_lost(error)
        time.sleep(AGAIN_SECONDS)


def _tell_lost(error: BaseException) -> None:
    log.warning("Prefect's server does not answer (%s); trying again", one_line(error))


def _pause(worker: ThreadWorker) -> None:
    """Schedule nothing while nobody serves, and send what waits in Prefect's queues. Never waits long."""
    try:
        with get_client(sync_client=True) as client:
            for identity in worker.served:
                client.pause_deployment(identity)
        flush()
    except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
        log.debug("the server was gone first: %s", error)
