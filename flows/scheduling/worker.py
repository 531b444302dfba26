"""Runs the flows of a served warehouse as their runs come due, in the process that `newsmart serve` starts for it.

It looks each second for what is due, as Prefect's `Runner` does, but runs the flow in a thread of its own process: a
run costs half a second of Prefect and not the four that a process and its imports take. Rejected, with Prefect 3.8.8:
`Runner` and the process worker for that cost; a worker type of our own (`BaseWorker`), which needs a work pool, that
others may put runs into, and an event loop.

Runs go one after another. A run whose time comes while another of its deployment goes on, or came while nothing served,
is skipped: a refresh looks at the whole source, so one is as good as ten.

The process ends by force, which the pipeline is safe against, and another goes on: STOP_SECONDS after a run was asked
to stop, past its flow's timeout, where it was cancelled on the page, and where it has not begun after BEGIN_SECONDS
(Prefect holds a run back until its time; where the clock is set back just then, that may be in ten days). After
RECYCLE_RUNS the process is replaced, which bounds what leaks.
"""

import logging
import os
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import ObjectNotFound
from prefect.flow_engine import run_flow
from prefect.flows import Flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings
from prefect.states import Cancelled, Pending

from flows.maintenance import maintain
from flows.pipeline.hooks import one_line
from flows.refresh import TIMEOUT_SECONDS, refresh
from flows.scheduling.deployments import deploy, end_run, recover, served_parameters
from flows.scheduling.flow_run import SKIPPED, flush, prepare_process, tell_hooks
from flows.scheduling.serving import NEW_PROCESS, NEW_SERVER, Job, When, clock_offset, serving_file, write_serving
from warehouse.clock import as_text
from warehouse.home import Home

MAINTAIN = When(cron="30 3 * * 0", spacing=7 * 86_400)
POLL_SECONDS = 1.0
NEXT_DUE_SECONDS = 5.0
MOST_RUNS = 50
ON_TIME_SECONDS = 30.0
STOP_SECONDS = 10.0
OVERDUE_SECONDS = 60.0
BEGIN_SECONDS = 30.0
MIN_SET_BACK_SECONDS = 30.0
AGAIN_SECONDS = 2.0
RECYCLE_RUNS = 300

log = logging.getLogger("newsmart.serve")


class Worker:
    """Runs the flows of one served warehouse in a thread, one after another."""

    def __init__(self, job: Job, closed: threading.Event) -> None:
        """In: the job; what is set when it is to end."""
        self.served: dict[UUID, Flow[..., Any]] = {}
        self._job = job
        self._closed = closed
        self._home = Home.of(Path(job.parameters["warehouse"]))
        self._thread = ThreadPoolExecutor(1, "flow")
        self._taken: dict[UUID, Future[None]] = {}
        self._running: tuple[UUID, float] | None = None  # since when, by the monotonic clock
        self._free_since = datetime.now(UTC)
        self._told_at = 0.0
        self._clock_offset = job.clock_offset
        self._runs_left = RECYCLE_RUNS
        self._successor = NEW_PROCESS

    def serve(self) -> int:
        """Serve the job until `closed` is set. Out: the exit status, 0, NEW_PROCESS or NEW_SERVER."""
        prepare_process()
        while self._takes_runs():
            try:
                with get_client(sync_client=True) as client:
                    self.register(client)
                    while self._takes_runs() or self._is_finishing():
                        self.look(client)
                        self._wait(POLL_SECONDS)
                    self.end_where_stuck(client)
            except ObjectNotFound:
                log.warning("a deployment or a run was deleted; the deployments are made again")
            except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
                log.warning("Prefect's server does not answer (%s); trying again", one_line(error))
                self._wait(AGAIN_SECONDS)
            while self._is_finishing():
                self._wait(POLL_SECONDS)
        if not self.is_idle(STOP_SECONDS):
            log.warning("a run did not end within %g s; it is broken off, the release stays as it was", STOP_SECONDS)
        elif self._closed.is_set():
            self._pause()
        return 0 if self._closed.is_set() else self._successor

    def _takes_runs(self) -> bool:
        return self._runs_left > 0 and not self._closed.is_set()

    def _is_finishing(self) -> bool:
        return not self._closed.is_set() and not self.is_idle(0)

    def look(self, client: SyncPrefectClient) -> None:
        """Take what is due, and see to the run that goes on."""
        if self.was_clock_set_back():
            # The server's loops would wait until the old time has come, and it has planned enough runs, days ahead.
            log.warning("the clock was set back; server and worker start again; so should a Prefect server of your own")
            self._runs_left, self._successor = 0, NEW_SERVER
        self.end_where_stuck(client)
        if self._takes_runs():
            self.take_due(client)
            self.tell_next_due(client)

    def was_clock_set_back(self) -> bool:
        """Compare the wall clock with one that nobody sets. Tells once of a time that was set back."""
        before, self._clock_offset = self._clock_offset, clock_offset()
        return before - self._clock_offset > MIN_SET_BACK_SECONDS

    def register(self, client: SyncPrefectClient) -> None:
        """Make the deployments, and end what a crash left there. What was paused on the page meanwhile stays so."""
        name, parameters = self._job.name, self._job.parameters
        takes_over = serving_file(self._home).exists()
        hook: Any = self._tell_hooks
        self.served.clear()
        for flow, when in ((refresh, self._job.when), (maintain, MAINTAIN)):
            identity = deploy(client, flow, name, when, parameters, keeps_pause=takes_over)
            self.served[identity] = flow.with_options(on_completion=[hook], on_failure=[hook], on_crashed=[hook])
        self._end_left(client)
        if self._job.runs_now and not takes_over:
            client.create_flow_run_from_deployment(next(iter(self.served)))

    def _end_left(self, client: SyncPrefectClient) -> None:
        """End the runs whose process has ended, and tell the hooks of those that were cancelled."""
        for identity in self.served:
            for run, state in recover(client, identity):
                log.warning("a run that did not end by itself was marked as %s", str(state.name).lower())
                if state.is_cancelled():
                    self._tell_hooks(refresh, run, state)

    def take_due(self, client: SyncPrefectClient) -> None:
        """Start or skip what is due."""
        now = datetime.now(UTC)
        for run in client.get_scheduled_flow_runs_for_deployments(list(self.served), now, MOST_RUNS):
            if run.deployment_id is not None:
                self._take(client, run.id, run.deployment_id, run.expected_start_time or now)

    def tell_next_due(self, client: SyncPrefectClient) -> None:
        """Tell in serve.json, now and then, what is due next. Raises ObjectNotFound where a deployment was deleted."""
        if time.monotonic() - self._told_at < NEXT_DUE_SECONDS:
            return
        self._told_at, now = time.monotonic(), datetime.now(UTC)
        refreshes, _ = (client.read_deployment(identity).id for identity in self.served)
        ahead = client.get_scheduled_flow_runs_for_deployments([refreshes], None, MOST_RUNS)
        times = [run.expected_start_time for run in ahead if run.expected_start_time and run.expected_start_time > now]
        due = as_text(min(times).astimezone(UTC).replace(tzinfo=None)) if times else None
        try:
            write_serving(self._home, replace(self._job.serving, next_due_at=due))
        except OSError as error:
            log.warning("cannot write serve.json: %s", error)

    def end_where_stuck(self, client: SyncPrefectClient) -> None:
        """End the process where its run was cancelled, or where Prefect does not let it begin."""
        if self._running is None:
            return
        (identity, since), has_ended = self._running, self.is_idle(0)
        try:
            run = client.read_flow_run(identity)
        except ObjectNotFound:
            self._running = None if has_ended else self._running
            raise
        if run.state is not None and run.state.type is StateType.CANCELLING:
            log.warning("a run was cancelled; its process ends, and what it has not published stays as it was")
            self._end_cancelled(client, run)
        elif has_ended:
            self._running = None  # somebody gave it another state
        has_begun = run.state is None or run.state.type not in (StateType.SCHEDULED, StateType.PENDING)
        if not has_ended and not has_begun and time.monotonic() - since > BEGIN_SECONDS:
            log.error("a run did not begin within %g s, as after a clock was set back; its process ends", BEGIN_SECONDS)
            os._exit(1)

    def _end_cancelled(self, client: SyncPrefectClient, run: FlowRun) -> None:
        """Note that a run was cancelled, tell the hooks, and end the process, whatever these two raise.

        Where Prefect cannot note it, the next process does both (`_end_left`).
        """
        try:
            self._tell_hooks(refresh, run, end_run(client, run))
        finally:
            if self._closed.is_set():
                self._pause()
            os._exit(self._successor)

    def _take(self, client: SyncPrefectClient, identity: UUID, deployment: UUID, due: datetime) -> None:
        why = None
        if deployment in self._taken and not self._taken[deployment].done():
            why = "it was due while another run went on"
        elif due < self._free_since and (datetime.now(UTC) - due).total_seconds() > ON_TIME_SECONDS:
            why = "it was due while nothing served"
        if why is not None:
            client.set_flow_run_state(identity, Cancelled(name=SKIPPED, message=why), force=True)
            log.info("skipped a run: %s", why)
        elif client.set_flow_run_state(identity, Pending()).status is SetStateStatus.ACCEPT:
            run = client.read_flow_run(identity)
            self._taken[deployment] = self._thread.submit(self._run_flow, run, self.served[deployment])

    def _run_flow(self, run: FlowRun, flow: Flow[..., Any]) -> None:
        if self._running is not None:
            return  # the run before was cancelled, and so the process ends
        self._running = run.id, time.monotonic()
        try:
            parameters = served_parameters(flow, run.parameters, self._job.parameters)
            with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
                state: Any = run_flow(flow, flow_run=run, parameters=parameters, return_type="state")
            if state.type is StateType.CANCELLING:
                return  # which `end_where_stuck` sees to
            self._running = None
            is_well = state.type is StateType.COMPLETED or state.name == SKIPPED
            level = logging.INFO if is_well else logging.ERROR
            log.log(level, "%s: %s", state.name.lower(), one_line(state.message or ""))
        except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
            self._running = None
            log.error("Prefect could not note how a run ended: %s: %s", type(error).__name__, one_line(error))
        finally:
            self._runs_left -= 1
            self._free_since = datetime.now(UTC)

    def _tell_hooks(self, flow: Flow[..., Any], run: FlowRun, state: State[Any]) -> None:
        tell_hooks(flow, run, state, self._job.folder, self._job.parameters["warehouse"])

    def is_idle(self, seconds: float) -> bool:
        """Wait so long for the runs that were taken. Out: whether they have ended."""
        return not wait(self._taken.values(), seconds).not_done

    def _wait(self, seconds: float) -> None:
        self._closed.wait(seconds)
        if self._running is not None and time.monotonic() - self._running[1] > TIMEOUT_SECONDS + OVERDUE_SECONDS:
            log.error("a run did not end by its timeout; its process is ended")
            os._exit(NEW_SERVER if self._successor == NEW_SERVER else 1)

    def _pause(self) -> None:
        """Schedule nothing while nobody serves, and send what waits in Prefect's queues. Never waits long."""
        try:
            with get_client(sync_client=True) as client:
                for identity in self.served:
                    client.pause_deployment(identity)
            flush()
        except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
            log.debug("the server was gone first: %s", error)
