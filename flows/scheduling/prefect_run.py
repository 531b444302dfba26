"""`newsmart run` as a Prefect flow run: from the environment to the result. Prefect itself is imported last.

Order is what makes it quick: the server's process starts first, and while it imports for four seconds this process
imports too. A server that `newsmart serve` runs for the warehouse is used where it answers.
"""

import atexit
import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from flows.runs.request import DoRun, OnEnd, OnStep, RunRequest, RunResult, tell_nobody
from flows.scheduling.prefect_environment import own_server, their_api_url, their_server
from flows.scheduling.prefect_server import PrefectServer, is_prefect, listen
from flows.scheduling.private import inside, key_in, known_key, private_folder
from flows.scheduling.serving import read_serving
from flows.silence import be_silent
from flows.sources.named import absolute
from schemas.errors import RunFailed
from warehouse.home import Home


def run_flow(request: RunRequest, on_step: OnStep, environment: MutableMapping[str, str]) -> RunResult:
    """Do one run as a flow run. In: the request, who watches, and the process's environment, which is added to.

    Raises NewsmartError as `run_direct` does, RunFailed too where there is no server, KeyboardInterrupt.
    """
    with flow_runs(request.warehouse, environment) as run:
        return run(request, on_step, tell_nobody)


@contextmanager
def flow_runs(warehouse: Path, environment: MutableMapping[str, str]) -> Iterator[DoRun]:
    """Yield what does a run as a flow run, any number of times over one server.

    Once in a process: Prefect reads its settings at import, and the server is gone after the block. Prefect's part is
    done in FILE.d/prefect, so that it reads no settings of the current folder.
    """
    atexit.register(be_silent)
    home = Home.of(warehouse)
    home.prepare()
    folder = private_folder(home)
    with _server(home, folder, environment) as server:
        with inside(folder):
            module = import_module("flows.scheduling.prefect_call_run")
            if server is not None:
                server.wait_until_ready()
                server.leave_alone()

        def run(request: RunRequest, on_step: OnStep, on_end: OnEnd) -> RunResult:
            asked = in_any_folder(request)
            with inside(folder):
                result: RunResult = module.call_refresh(asked, on_step, on_end)
            return result

        try:
            yield run
        finally:
            module.flush()


def in_any_folder(request: RunRequest) -> RunRequest:
    """Return the request with absolute paths, so that it means the same in every folder."""
    sources = tuple(replace(source, root=absolute(source.root)) for source in request.sources)
    return replace(request, sources=sources, warehouse=Path(os.path.abspath(request.warehouse)))


@contextmanager
def _server(home: Home, folder: Path, environment: MutableMapping[str, str]) -> Iterator[PrefectServer | None]:
    """Yield the server that is started, or None where there is one to use."""
    theirs = their_api_url(environment)
    if theirs is not None:
        if not is_prefect(theirs, timeout=5.0):
            todo = "start it, unset PREFECT_API_URL, or run with --direct"
            raise RunFailed("no Prefect server answers", where=theirs, todo=todo)
        environment.update(their_server(environment, folder))
        yield None
        return
    serving, key = read_serving(home), known_key(home)
    if serving is not None and key is not None and is_prefect(serving.api_url):
        environment.update(own_server(environment, folder, serving.api_url, key))
        yield None
        return
    server = PrefectServer(listen(), folder, with_page=False)
    environment.update(own_server(environment, folder, server.api_url, key_in(folder)))
    with server:
        yield server
