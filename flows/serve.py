"""`newsmart serve`: the parent of a Prefect server and of a worker that runs the schedule. Imports no Prefect.

The parent does little, so that little can go wrong in it: it holds the lock, starts two children, starts one again that
has died, and ends them on a signal. The worker (`main`) is told what to do by the first line of its standard input, and
to stop by its end, which the death of its parent brings too; it imports Prefect last.

The log is one line on stderr for each thing that happens, as text or as JSON. Rejected: Prefect's console handler,
which writes a traceback for each failed flow. What it logs of a run is on the page anyway.
"""

import argparse
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from flows.commands.run import attempted, run_request
from flows.pipeline.request import LOGGER, parameters_of
from flows.process import skip_numpy_and_pandas
from flows.scheduling.environment import API_URL, HOME, PROFILE, PROFILES, retention
from flows.scheduling.server import PrefectServer, child_command, end_child, listen, prefect_server
from flows.scheduling.serving import (
    KEY_FILE,
    NEW_PROCESS,
    NEW_SERVER,
    Job,
    Serving,
    When,
    clock_offset,
    hold_serving,
    identity_in,
)
from flows.settings import load_settings, process_environment
from schemas.errors import RunFailed, UsageError
from warehouse.clock import as_text, utc_now
from warehouse.home import Home

DEFAULT_PORT = 4200
DEFAULT_EVERY = 3600.0
LOOK_SECONDS = 0.2
STOP_SECONDS = 11.0
MAX_FAILURES = 5
FAILURE_WINDOW_SECONDS = 120.0

log = logging.getLogger("newsmart.serve")


def serve(options: argparse.Namespace) -> int:
    """Serve the warehouse on a schedule until SIGINT or SIGTERM. Out: the exit status, 0.

    Raises UsageError for a schedule that is none, LockedError where the warehouse is served, RunFailed for a port in
    use, a folder that cannot be written, or a server that keeps failing.
    """
    with attempted(options):
        request = run_request(options)
        set_up_log(request.settings.log_format, is_quiet=options.quiet)
        when = _when(options.cron, options.every, options.timezone)
        home = Home.of(request.warehouse)
        home.prepare()
        process_environment().update(retention(when.spacing))
        asked, offset = stop_signals(), clock_offset()
        with (
            hold_serving(home),
            prefect_server(home, request.settings, lambda: _listen(options.port), serving=True) as (server, folder),
        ):
            if server is None or server.wait_until_ready(should_stop=lambda: bool(asked)):
                name = home.file.stem if server is not None else f"{home.file.stem}-{identity_in(folder)}"
                serving = Serving(os.getpid(), str(when), process_environment()[API_URL], str(as_text(utc_now())))
                parameters = parameters_of(request)
                job = Job(name, when, parameters, serving, os.getcwd(), options.quiet, options.now, offset)
                _supervise(job, folder, server, asked)
        log.info("stopped")
    return 0


def _when(cron: str | None, every: float | None, timezone: str | None) -> When:
    if cron is None:
        if timezone is not None:
            raise UsageError("a time zone is for a schedule by --cron", where=timezone)
        return When(DEFAULT_EVERY if every is None else every)
    done = subprocess.run(
        child_command("flows.scheduling.deployments", cron, timezone or "UTC"),
        cwd="/",  # Prefect reads settings in the current folder, which may be anybody's
        env={**process_environment(), HOME: "/", PROFILES: "/nothing", PROFILE: "ephemeral"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise UsageError((done.stderr.strip().splitlines() or ["not a cron expression"])[-1])
    return When(float(done.stdout.strip().splitlines()[-1]), cron, timezone or "UTC")


def stop_signals() -> list[int]:
    """Return a list to which each signal that asks to stop is added."""
    asked: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: asked.append(number))
    return asked


def _listen(port: int | None) -> socket.socket:
    """Return a socket on the port; where none was asked for, the usual one or any that is free."""
    if port is not None:
        return listen(port)
    try:
        return listen(DEFAULT_PORT)
    except RunFailed:
        return listen()


def _supervise(job: Job, folder: Path, server: PrefectServer | None, asked: list[int]) -> None:
    page = job.serving.api_url.removesuffix("/api")
    log.info("serving %s %s; page: %s", job.parameters["warehouse"], job.serving.schedule, page)
    if server is not None:
        log.info("the page asks for a key once; it is in %s", folder / KEY_FILE)
    failures: deque[float] = deque(maxlen=MAX_FAILURES)
    worker = _start(job, folder)
    try:
        while not asked:
            time.sleep(LOOK_SECONDS)
            status = worker.poll()
            if status == NEW_SERVER:
                job = replace(job, clock_offset=clock_offset())
                if server is not None:
                    server.start()
            if status is not None:
                if status not in (NEW_PROCESS, NEW_SERVER):
                    _note_failure(failures, f"the process that runs flows ended with status {status}")
                worker = _start(job, folder)
            if server is not None and not server.is_alive():
                _note_failure(failures, "Prefect's server ended")
                server.start()
        log.info("stopping; a run that goes on has %g s to end", STOP_SECONDS - 1)
    finally:
        count = len(asked)
        end_child(worker, STOP_SECONDS, lambda: len(asked) > count)  # a second signal is urgent


def _note_failure(failures: deque[float], what: str) -> None:
    """Note that a child has failed. Raises RunFailed where MAX_FAILURES have in a short time before."""
    now = time.monotonic()
    if len(failures) == MAX_FAILURES and now - failures[0] < FAILURE_WINDOW_SECONDS:
        raise RunFailed(f"{what} again and again", todo="the lines above say why")
    failures.append(now)
    log.warning("%s; starting it again", what)


def _start(job: Job, folder: Path) -> subprocess.Popen[bytes]:
    command = child_command("flows.serve")
    child = subprocess.Popen(command, cwd=folder, stdin=subprocess.PIPE, start_new_session=True)
    if child.stdin is not None:
        with suppress(BrokenPipeError):  # it has ended, which the next look tells
            child.stdin.write(job.as_line())
            child.stdin.flush()
    return child


def main() -> None:
    """Be the worker: run the job that standard input tells until it closes. Exits 0, NEW_PROCESS, or 1."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    job = Job.from_line(sys.stdin.buffer.readline())
    # Prefect's loops print tracebacks where the server is away, past all levels of logging.
    sys.stdout = open(os.devnull, "w")  # noqa: SIM115  # as long as the process
    set_up_log(load_settings().log_format, is_quiet=job.is_quiet)
    if job.parameters["engine"] != "dask":
        skip_numpy_and_pandas()
    closed = threading.Event()
    threading.Thread(target=_wait_for_close, args=(closed,), daemon=True).start()
    status: int = import_module("flows.scheduling.worker").Worker(job, closed).serve()
    logging.shutdown()
    # Prefect's threads may wait for a server that is gone.
    os._exit(status)


def _wait_for_close(closed: threading.Event) -> None:
    while sys.stdin.buffer.read(1000):
        pass
    closed.set()


class JsonLines(logging.Formatter):
    """A log record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        level, message = record.levelname.lower(), record.getMessage()
        told = {"at": at, "level": level, "logger": record.name, "message": message}
        return json.dumps(told, ensure_ascii=False)


def set_up_log(form: str, *, is_quiet: bool) -> None:
    """Send the log lines of newsmart to stderr, as text or JSON; other libraries' go their own way."""
    handler = logging.StreamHandler()
    text = logging.Formatter("%(asctime)sZ %(levelname)-7s %(message)s", "%Y-%m-%dT%H:%M:%S")
    text.converter = time.gmtime
    handler.setFormatter(JsonLines() if form == "json" else text)
    handler.addFilter(lambda record: record.name != LOGGER)  # a line a run is enough here; the page has all
    logging.getLogger(LOGGER).setLevel(logging.INFO)
    ours = logging.getLogger("newsmart")
    ours.handlers[:] = [handler]
    ours.setLevel(logging.WARNING if is_quiet else logging.INFO)
    ours.propagate = False
