"""The process that runs scheduled flows for `newsmart serve`: one thread looks and runs, the main one listens.

Runs go one after another in this one process, so that a run costs a tenth of a second of Prefect and not the three
that an import takes; after RECYCLE_RUNS the process ends and is started anew, which bounds what leaks. A run whose time
comes while another goes on, or came while nothing served, is skipped: a refresh looks at the whole source, so one is
as good as ten.

The parent says "stop" by closing standard input, and so does its death. Then a run that goes on has STOP_SECONDS;
after that, or past its flow's timeout, the process ends by force. The pipeline is safe against that by design.
"""

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.flow_engine import run_flow
from prefect.settings import PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.scheduling.job import NEW_PROCESS, Job
from flows.scheduling.prefect_call_run import flush, load_event_loop
from flows.scheduling.prefect_calls import SKIPPED, Call, calling
from flows.scheduling.prefect_deployment import crash_leftovers, deploy, due_at, prune, scheduled, skip
from flows.scheduling.prefect_flows import REFRESH_SECONDS, refresh
from flows.scheduling.serve_log import set_up_log
from flows.scheduling.serving import Serving, write_serving
from schemas.errors import NewsmartError

STOP_SECONDS = 10.0
OVERDUE_SECONDS = 60.0
LOOK_SECONDS = 5.0
AGAIN_SECONDS = 2.0
RECYCLE_RUNS = 300
OWN_TO_A_RUN = ("full_refresh", "reparse", "as_of", "allow_shrink")
PRUNE_EVERY = 20

log = logging.getLogger("newsmart.serve")


class Executor:
    """Runs what is due until told to stop."""

    def __init__(self, job: Job) -> None:
        """In: the job. Nothing is started."""
        self._job = job
        self._stopping = threading.Event()
        self._told: Serving | None = None
        self._free_since = datetime.now(UTC)
        self._runs = 0
        self.running_since: float | None = None
        self.status = 0

    def stop(self) -> None:
        """Start no further run."""
        self._stopping.set()

    def work(self) -> None:
        """Look and run until told to stop, or until it is time for a new process."""
        with temporary_settings({PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
            while not self._stopping.is_set() and self._runs < RECYCLE_RUNS:
                try:
                    self._serve()
                except NewsmartError as error:
                    log.error("%s", error)
                    self.status = error.exit_status
                    return
                except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
                    log.warning("Prefect's server does not answer (%s); trying again", _one_line(error))
                    self._stopping.wait(AGAIN_SECONDS)
        self.status = 0 if self._stopping.is_set() else NEW_PROCESS

    def _serve(self) -> None:
        """Register the schedule and run what is due. Ends with an exception when the server is gone."""
        with get_client(sync_client=True) as client:
            deployment = deploy(client, refresh, self._job.deployment, self._job.when, self._job.parameters)
            if count := crash_leftovers(client, deployment):
                log.warning("%d run(s) of an earlier process were marked as crashed", count)
            if self._job.runs_now and self._told is None:
                client.create_flow_run_from_deployment(deployment)
            try:
                while not self._stopping.is_set() and self._runs < RECYCLE_RUNS:
                    self._stopping.wait(self._look(client, deployment))
            finally:
                if self._stopping.is_set():
                    client.pause_deployment(deployment)
                    flush()

    def _look(self, client: SyncPrefectClient, deployment: UUID) -> float:
        """Skip what is late, run what is due; return the seconds until the next look."""
        found = scheduled(client, deployment)
        now = datetime.now(UTC)
        due = [run for run in found if due_at(run) <= now]
        upcoming = min((due_at(run) for run in found if due_at(run) > now), default=None)
        self._tell(upcoming)
        late = [run for run in due if due_at(run) < self._free_since]
        wanted = [run for run in due if due_at(run) >= self._free_since]
        self._skip(client, [*late, *wanted[:-1]])
        if wanted:
            self._run(wanted[-1])
            if self._runs % PRUNE_EVERY == 0:
                prune(client, deployment, self._job.keep_flow_runs)
            return 0.0
        if upcoming is None:
            return LOOK_SECONDS
        return min(LOOK_SECONDS, max(0.01, (upcoming - datetime.now(UTC)).total_seconds()))

    def _skip(self, client: SyncPrefectClient, runs: list[FlowRun]) -> None:
        for run in runs:
            skip(client, run, "it was due while another run went on, or while nothing served")
        if runs:
            log.info("skipped %d run(s) that were due while another went on or nothing served", len(runs))

    def _run(self, run: FlowRun) -> None:
        call = Call(settings=self._job.settings, folder=self._job.folder)
        self.running_since = time.monotonic()
        try:
            with calling(call):
                parameters = parameters_of(run.parameters, self._job.parameters)
                state: Any = run_flow(refresh, flow_run=run, parameters=parameters, return_type="state")
            level = logging.INFO if state.is_completed() or state.name == SKIPPED else logging.ERROR
            log.log(level, "%s: %s", state.name.lower(), _one_line(state.message or ""))
        except Exception as error:  # noqa: BLE001  # httpx's and Prefect's errors have no common base
            for result in call.results:
                log.warning("%s ended, but Prefect could not note it", result.run_id)
            log.error("the flow run ended with %s: %s", type(error).__name__, _one_line(error))
        finally:
            self._runs += 1
            self.running_since = None
            self._free_since = datetime.now(UTC)

    def _tell(self, next_due: datetime | None) -> None:
        text = None if next_due is None else next_due.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
        told = self._job.serving
        serving = Serving(told.pid, told.schedule, told.api_url, told.started_at, text)
        if serving == self._told:
            return
        try:
            write_serving(self._job.home, serving)
            self._told = serving
        except OSError as error:
            log.warning("cannot write serve.json: %s", error)


def parameters_of(asked: Mapping[str, Any], job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a served run takes: its job's parameters, and of its own those alone that open no other place.

    Who may ask the API could else have any folder read and published, and any address dialled. A line tells of what is
    left out.
    """
    left_out = sorted(name for name in asked if name not in OWN_TO_A_RUN and asked[name] != job.get(name))
    if left_out:
        log.warning("a run asked for its own %s; what `newsmart serve` was told stays", ", ".join(left_out))
    return {**job, **{name: asked[name] for name in OWN_TO_A_RUN if name in asked}}


def _one_line(error: object) -> str:
    return " ".join(str(error).split())[:500]


def main() -> None:
    """Run the job named by the first argument until standard input closes. Exits 0, 75 for a new process, or 1, 2."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    job = Job.from_json(sys.argv[1])
    logging.raiseExceptions = False
    set_up_log(job.settings.log_format, is_quiet=job.is_quiet)
    load_event_loop()
    executor = Executor(job)
    thread = threading.Thread(target=executor.work, name="executor", daemon=True)
    closed = threading.Event()
    threading.Thread(target=_wait_for_close, args=(closed,), daemon=True).start()
    thread.start()
    while thread.is_alive() and not closed.wait(0.2):
        since = executor.running_since
        if since is not None and time.monotonic() - since > REFRESH_SECONDS + OVERDUE_SECONDS:
            log.error("a run did not end by its timeout; its process is ended")
            _leave(1)
    executor.stop()
    thread.join(STOP_SECONDS)
    if thread.is_alive():
        log.warning("a run did not end within %g s; it is broken off, and the release stays as it was", STOP_SECONDS)
    _leave(0 if thread.is_alive() else executor.status)


def _wait_for_close(closed: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1000):
        pass
    closed.set()


def _leave(status: int) -> None:
    """End now: Prefect's threads may wait for a server that is gone."""
    logging.shutdown()
    os._exit(status)
