"""The worker of `newsmart serve` in its thread: registered with the server, started again, ended in time.

After RECYCLE_RUNS the process ends and is started anew, which bounds what leaks. A run that is asked to stop has
STOP_SECONDS; after that, or past its flow's timeout, the process ends by force. The pipeline is safe against that by
design.
"""

import logging
import threading
import time
from functools import partial
from typing import Any
from uuid import UUID

import anyio
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.flows import Flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.maintenance import maintain
from flows.refresh import TIMEOUT_SECONDS, refresh
from flows.scheduling.call import flush, load_event_loop
from flows.scheduling.deployments import MAINTAIN, deploy, make_pool, recover
from flows.scheduling.ends import tell_hooks
from flows.scheduling.job import NEW_PROCESS, Job
from flows.scheduling.worker import ThreadWorker, one_line

STOP_SECONDS = 10.0
OVERDUE_SECONDS = 60.0
AGAIN_SECONDS = 2.0
RECYCLE_RUNS = 300

log = logging.getLogger("newsmart.serve")


class Service:
    """The worker in its thread: registered with the server, started again where the server was away, ended in time."""

    def __init__(self, job: Job) -> None:
        """In: the job. Nothing is started."""
        self._job = job
        self._stopping = threading.Event()
        self._worker: ThreadWorker | None = None
        self._ids: list[UUID] = []
        self._now = job.runs_now

    def work(self) -> None:
        """Serve until stopped, or until the process has run enough."""
        while not self._stopping.is_set() and not self.has_done_enough:
            try:
                with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
                    self._worker = self._register()
                    anyio.run(partial(self._worker.start, printer=lambda *_: None))
            except BaseException as error:  # noqa: BLE001  # httpx's, Prefect's, anyio's groups
                log.warning("Prefect's server does not answer (%s); trying again", one_line(error))
                self._stopping.wait(AGAIN_SECONDS)

    def _register(self) -> ThreadWorker:
        """Make pool and deployments, end what a crash left there, and return a worker for them."""
        job = self._job
        hook = hook_in(job.folder)
        with get_client(sync_client=True) as client:
            make_pool(client, job.name, ThreadWorker.type, ThreadWorker.get_default_base_job_template())
            flows = [
                flow.with_options(on_completion=[hook], on_failure=[hook], on_crashed=[hook])
                for flow in (refresh, maintain)
            ]
            warehouse = {"warehouse": job.parameters["warehouse"]}
            self._ids = [
                deploy(flows[0], job.name, job.name, job.when, job.parameters),
                deploy(flows[1], job.name, job.name, MAINTAIN, warehouse),
            ]
            if count := sum(recover(client, identity) for identity in self._ids):
                log.warning("%d run(s) of an earlier process were marked as crashed", count)
            if self._now:
                client.create_flow_run_from_deployment(self._ids[0])
                self._now = False
        return ThreadWorker(job, job.name, dict(zip(self._ids, flows, strict=True)))

    @property
    def has_done_enough(self) -> bool:
        """Tell whether another process should go on."""
        return self._worker is not None and self._worker.runs >= RECYCLE_RUNS

    @property
    def running_seconds(self) -> float:
        """How long the run that goes on has taken; 0 where none does."""
        since = None if self._worker is None else self._worker.running_since
        return 0.0 if since is None else time.monotonic() - since

    def stop(self) -> bool:
        """Start no further run, and wait for the one that goes on. Out: whether it ended in STOP_SECONDS."""
        self._stopping.set()
        if self._worker is not None:
            self._worker.is_stopping = True
        deadline = time.monotonic() + STOP_SECONDS
        while self.running_seconds and time.monotonic() < deadline:
            time.sleep(0.05)
        return not self.running_seconds

    def pause(self) -> None:
        """Schedule nothing while nobody serves, and send what waits in Prefect's queues. Never waits long."""
        try:
            with get_client(sync_client=True) as client:
                for identity in self._ids:
                    client.pause_deployment(identity)
            flush()
        except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
            log.debug("the server was gone first: %s", error)


def hook_in(folder: str) -> Any:
    """Return the hook that tells how a run ended; its command starts in the folder of `newsmart serve`."""

    def tell(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
        tell_hooks(flow, flow_run, state, folder)

    return tell


def serve_until(job: Job, closed: threading.Event) -> int:
    """Serve the job until `closed` is set. Out: the exit status, 0 or that of a process that wants a new one."""
    logging.raiseExceptions = False
    load_event_loop()
    service = Service(job)
    thread = threading.Thread(target=service.work, name="worker", daemon=True)
    thread.start()
    while thread.is_alive() and not service.has_done_enough and not closed.wait(0.2):
        if service.running_seconds > TIMEOUT_SECONDS + OVERDUE_SECONDS:
            log.error("a run did not end by its timeout; its process is ended")
            return 1
    if not service.stop():
        log.warning("a run did not end within %g s; it is broken off, and the release stays as it was", STOP_SECONDS)
    elif closed.is_set():
        service.pause()
    return 0 if closed.is_set() else NEW_PROCESS
