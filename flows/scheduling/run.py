"""`newsmart run` as a Prefect flow run: from the environment to the result. Prefect itself is imported last.

Order is what makes it quick: the server's process starts first, and while it imports for four seconds this process
imports too. A server that `newsmart serve` runs for the warehouse is used where it answers.
"""

import atexit
import os
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

from flows.pipeline.request import RunRequest, RunResult, Told
from flows.scheduling.environment import environment_of, own_server, their_api_url, their_server, their_settings
from flows.scheduling.private import alone_in, hand_over_all, inside, key_in, known_key, private_folder
from flows.scheduling.server import PrefectServer, is_prefect, listen
from flows.scheduling.serving import read_serving
from flows.settings import PREFIX
from flows.sources.named import absolute
from flows.startup import skip_numpy_and_pandas
from flows.streams import close_stderr
from schemas.errors import RunFailed
from warehouse.home import Home
from warehouse.lock import hold

DoWatchedRun = Callable[[RunRequest, Told], RunResult]


@contextmanager
def flow_runs(first: RunRequest, environment: MutableMapping[str, str]) -> Iterator[DoWatchedRun]:
    """Yield what does a run as a flow run, any number of times over one server. It is given who listens, too.

    Once in a process: Prefect reads its settings at import, and the server is gone after the block. Prefect's part is
    done in FILE.d/prefect, so that it reads no settings of the current folder; ours travel by the environment.
    """
    atexit.register(close_stderr)
    home = Home.of(first.warehouse)
    home.prepare()
    folder = private_folder(home)
    with hold(home):
        pass  # where another run holds the warehouse, that is told now and not after Prefect's start
    if not first.engine.is_dask:
        skip_numpy_and_pandas()
    environment.update(environment_of(first.settings))
    environment.pop(f"{PREFIX}SETTINGS", None)
    try:
        with _server(home, folder, environment) as server:
            with inside(folder):
                module = import_module("flows.scheduling.call")
                if server is not None:
                    server.wait_until_ready()
                    server.leave_alone()

            def run(request: RunRequest, told: Told) -> RunResult:
                asked = in_any_folder(request)
                with inside(folder):
                    result: RunResult = module.call_refresh(asked, told)
                return result

            try:
                yield run
            finally:
                module.flush()
    finally:
        hand_over_all(folder)


def in_any_folder(request: RunRequest) -> RunRequest:
    """Return the request with absolute paths, so that it means the same in every folder."""
    sources = tuple(replace(source, root=absolute(source.root)) for source in request.sources)
    return replace(request, sources=sources, warehouse=Path(os.path.abspath(request.warehouse)))


@contextmanager
def _server(home: Home, folder: Path, environment: MutableMapping[str, str]) -> Iterator[PrefectServer | None]:
    """Yield the server that is started, or None where there is one to use."""
    settings = their_settings(environment)
    theirs = their_api_url(settings)
    if theirs is not None:
        if not is_prefect(theirs, settings, timeout=5.0):
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
    with alone_in(folder):
        server = PrefectServer(listen(), folder, with_page=False)
        environment.update(own_server(environment, folder, server.api_url, key_in(folder)))
        with server:
            yield server
