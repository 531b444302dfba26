"""`newsmart serve`: the parent of a Prefect server and of a worker that runs the schedule. Imports no Prefect.

It does little, so that little can go wrong in it: hold the lock, start two children, start one again that has died,
and end them on a signal. Being single-threaded and without Prefect's event loop, it handles signals as it likes.
"""

import logging
import math
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import FrameType

from flows.pipeline.request import RunRequest
from flows.scheduling.environment import (
    HOME,
    PROFILE,
    PROFILES,
    environment_of,
    own_server,
    retention,
    their_api_url,
    their_server,
    their_settings,
)
from flows.scheduling.job import NEW_PROCESS, Job
from flows.scheduling.log import set_up_log
from flows.scheduling.private import KEY_FILE, hand_over_all, identity_in, key_in, private_folder
from flows.scheduling.server import PrefectServer, child_command, is_prefect, listen, pipe_of
from flows.scheduling.serving import Serving, When, hold_serving
from flows.settings import PREFIX
from flows.sources.named import absolute
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


def serve(
    request: RunRequest,
    *,
    cron: str | None,
    every: float | None,
    timezone: str | None,
    port: int | None,
    environment: MutableMapping[str, str],
    quiet: bool = False,
    now: bool = False,
) -> int:
    """Serve the warehouse on a schedule until SIGINT or SIGTERM. Out: the exit status, 0.

    In: what each run does; the schedule (an hour where there is none), and the time zone of its cron expression; the
    server's port; the process's environment, which is added to; whether a first run starts at once. Raises UsageError
    for a schedule that is none, LockedError where the warehouse is served, RunFailed for a port in use, a folder that
    cannot be written, or a server that keeps failing.
    """
    set_up_log(request.settings.log_format, is_quiet=quiet)
    when = _when(cron, every, timezone, environment)
    home = Home.of(request.warehouse)
    home.prepare()
    folder = private_folder(home)
    environment.update(environment_of(request.settings) | retention(when.spacing))
    environment.pop(f"{PREFIX}SETTINGS", None)
    with _stop_on_signals() as stop, hold_serving(home), _server(folder, port, environment) as (server, api_url):
        if server is None or server.wait_until_ready(should_stop=stop.is_asked):
            name = home.file.stem if server is not None else f"{home.file.stem}-{identity_in(folder)}"
            _supervise(replace(_job(request, when, api_url, name), is_quiet=quiet, runs_now=now), folder, server, stop)
    hand_over_all(folder)
    log.info("stopped")
    return 0


def _when(cron: str | None, every: float | None, timezone: str | None, environment: Mapping[str, str]) -> When:
    """Return the schedule. Raises UsageError where it is none."""
    if cron is None:
        if timezone is not None:
            raise UsageError("a time zone is for a schedule by --cron", where=timezone)
        spacing = DEFAULT_EVERY if every is None else every
        if not math.isfinite(spacing) or spacing < 1:
            raise UsageError("--every takes seconds, 1 and up", where=str(every))
        return When(spacing)
    told = subprocess.run(
        child_command("flows.scheduling.check", cron, timezone or "UTC"),
        cwd="/",  # Prefect reads settings in the current folder, which may be anybody's
        env={**environment, HOME: "/", PROFILES: "/nothing", PROFILE: "ephemeral"},
        capture_output=True,
        text=True,
        check=False,
    )
    if told.returncode:
        lines = told.stderr.strip().splitlines() or ["not a cron expression"]
        raise UsageError(lines[-1])
    return When(float(told.stdout.strip().splitlines()[-1]), cron, timezone or "UTC")


@dataclass(slots=True)
class _Stop:
    """Whether, and how often, a signal asked to stop."""

    count: int = 0

    def is_asked(self) -> bool:
        return self.count > 0

    def handle(self, number: int, frame: FrameType | None) -> None:
        self.count += 1


@contextmanager
def _stop_on_signals() -> Iterator[_Stop]:
    """Note signals that ask to stop. What was ignored before, as SIGHUP is under nohup, stays ignored."""
    stop = _Stop()
    asking = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    numbers = [number for number in asking if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop.handle) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _server(
    folder: Path, port: int | None, environment: MutableMapping[str, str]
) -> Iterator[tuple[PrefectServer | None, str]]:
    """Yield the server that is started, None where the user's own is used, and the address of its API.

    Another `newsmart serve`'s server is never used: it would take this one's runs with it when it ends.
    """
    settings = their_settings(environment)
    theirs = their_api_url(settings)
    if theirs is not None:
        if not is_prefect(theirs, settings, timeout=5.0):
            raise RunFailed("no Prefect server answers", where=theirs, todo="start it, or unset PREFECT_API_URL")
        environment.update(their_server(environment, folder, serving=True))
        yield None, theirs
        return
    server = PrefectServer(_listen(port), folder, with_page=True)
    environment.update(own_server(environment, folder, server.api_url, key_in(folder), serving=True))
    with server:
        yield server, server.api_url


def _listen(port: int | None) -> socket.socket:
    """Return a socket on the port; where none was asked for, the usual one or any that is free."""
    if port is not None:
        return listen(port)
    try:
        return listen(DEFAULT_PORT)
    except RunFailed:
        return listen()


def _job(request: RunRequest, when: When, api_url: str, name: str) -> Job:
    """Return what the worker is told. Paths are made absolute."""
    parameters = {
        "source": [f"{source.name}={absolute(source.root)}" for source in request.sources],
        "warehouse": os.path.abspath(request.warehouse),
        "max_quarantine": request.max_quarantine,
        "allow_shrink": request.allow_shrink,
        "workers": request.workers,
        "engine": request.engine.name,
        "dask_address": request.engine.address,
    }
    return Job(
        name=name,
        when=when,
        parameters=parameters,
        serving=Serving(os.getpid(), str(when), api_url, str(as_text(utc_now()))),
        folder=os.getcwd(),
        log_format=request.settings.log_format,
    )


@dataclass(slots=True)
class _Failures:
    """When children failed; too many in a short time is the end."""

    at: list[float] = field(default_factory=list)

    def note(self, what: str) -> None:
        now = time.monotonic()
        self.at[:] = [*(then for then in self.at if now - then < FAILURE_WINDOW_SECONDS), now]
        if len(self.at) > MAX_FAILURES:
            raise RunFailed(f"{what} again and again", todo="the lines above say why")
        log.warning("%s; starting it again", what)


def _supervise(job: Job, folder: Path, server: PrefectServer | None, stop: _Stop) -> None:
    """Keep both children alive until asked to stop, then end the worker."""
    log.info("serving %s %s; page: %s", job.parameters["warehouse"], job.serving.schedule, _page(job))
    if server is not None:
        log.info("the page asks for a key once; it is in %s", folder / KEY_FILE)
    failures = _Failures()
    worker = _start(job, folder)
    try:
        while not stop.is_asked():
            time.sleep(LOOK_SECONDS)
            status = worker.poll()
            if status is not None:
                if status != NEW_PROCESS:
                    failures.note(f"the process that runs flows ended with status {status}")
                worker = _start(replace(job, runs_now=False), folder)
            if server is not None and not server.is_alive():
                failures.note("Prefect's server ended")
                server.start()
        log.info("stopping; a run that goes on has %g s to end", STOP_SECONDS - 1)
    finally:
        _end(worker, stop)


def _page(job: Job) -> str:
    return job.serving.api_url.removesuffix("/api")


def _start(job: Job, folder: Path) -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        child_command("flows.scheduling.worker_process"),
        cwd=folder,
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    with suppress(BrokenPipeError):  # it has ended, which the next look tells
        pipe_of(child).write(job.as_line())
        pipe_of(child).flush()
    return child


def _end(child: subprocess.Popen[bytes], stop: _Stop) -> None:
    """Ask the worker to end; by force when it takes too long, or when a second signal asks."""
    with suppress(BrokenPipeError):
        pipe_of(child).close()
    asked, deadline = stop.count, time.monotonic() + STOP_SECONDS
    while child.poll() is None and time.monotonic() < deadline and stop.count == asked:
        time.sleep(0.05)
    if child.poll() is None:
        child.kill()
    child.wait()
