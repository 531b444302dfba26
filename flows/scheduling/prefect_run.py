"""`newsmart run` as a Prefect flow run: from the environment to the result. Prefect itself is imported last.

Order is what makes it quick: the server's process starts first, and while it imports for four seconds this process
imports too. A server that `newsmart serve` runs for the warehouse is used where it answers.
"""

import atexit
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import cast

from flows.runs.request import DoRun, OnStep, RunRequest, RunResult, tell_nobody
from flows.scheduling.prefect_environment import (
    API_URL,
    check_home,
    may_have_profile,
    prefect_home,
    prepare_environment,
)
from flows.scheduling.prefect_server import PrefectServer, is_prefect, listen
from flows.scheduling.serving import read_serving
from flows.silence import be_silent
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

    Once in a process: Prefect reads its settings at import, and the server is gone after the block.
    """
    atexit.register(be_silent)
    check_home(prefect_home(environment))
    with _server(warehouse, environment) as server:
        module = import_module("flows.scheduling.prefect_call_run")
        if server is not None:
            server.wait_until_ready()
            server.leave_alone()
        else:
            _check(module.api_url())
        try:
            yield cast(DoRun, module.call_refresh)
        finally:
            module.flush()


@contextmanager
def _server(warehouse: Path, environment: MutableMapping[str, str]) -> Iterator[PrefectServer | None]:
    """Yield the server that is started, or None where there is one to use."""
    if API_URL in environment or _is_in_profile(environment):
        environment.update(prepare_environment(environment))
        yield None
        return
    serving = read_serving(Home.of(warehouse))
    if serving is not None and is_prefect(serving.api_url):
        environment.update(prepare_environment(environment, api_url=serving.api_url))
        yield None
        return
    server = PrefectServer(listen(), with_page=False)
    environment.update(prepare_environment(environment, api_url=server.api_url))
    with server:
        yield server


def _is_in_profile(environment: MutableMapping[str, str]) -> bool:
    """Tell whether a profile names a server; Prefect is imported to read one only where a file may be there."""
    if not may_have_profile(environment, Path.cwd()):
        return False
    environment.update(prepare_environment(environment))
    return bool(import_module("flows.scheduling.prefect_call_run").api_url())


def _check(api_url: str | None) -> None:
    if not api_url or not is_prefect(api_url, timeout=5.0):
        todo = "start it, unset PREFECT_API_URL, or run with --direct"
        raise RunFailed("no Prefect server answers", where=str(api_url), todo=todo)
