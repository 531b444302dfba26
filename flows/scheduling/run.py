"""`newsmart run` as a Prefect flow run: from the environment to the result. Prefect itself is imported last.

Order is what makes it quick: the server's process starts first, and while it imports for four seconds this process
imports too.
"""

import atexit
import os
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import chdir, contextmanager
from importlib import import_module
from typing import Any

from flows.pipeline.request import RunListener, RunRequest, RunResult
from flows.scheduling.server import listen, prefect_server
from flows.sources.scan import absolute
from flows.startup import skip_numpy_and_pandas
from flows.streams import close_stderr
from warehouse.home import Home
from warehouse.lock import hold


def parameters_of(request: RunRequest) -> dict[str, Any]:
    """Return the flow's parameters that say what the request says; paths are absolute, whatever the current folder.

    They are small, plain and free of secrets, as the server keeps and shows them.
    """
    return {
        "source": [f"{source.name}={absolute(source.root)}" for source in request.sources],
        "warehouse": os.path.abspath(request.warehouse),
        "as_of": None if request.as_of is None else request.as_of.isoformat(),
        "full_refresh": request.full_refresh,
        "reparse": request.reparse,
        "max_quarantine": request.max_quarantine,
        "allow_shrink": request.allow_shrink,
        "workers": request.workers,
        "engine": request.engine.name,
        "dask_address": request.engine.address,
    }


ListenedRunner = Callable[[RunRequest, RunListener], RunResult]


@contextmanager
def flow_runs(first: RunRequest, environment: MutableMapping[str, str]) -> Iterator[ListenedRunner]:
    """Yield what does a run as a flow run, any number of times over one server. It is given who listens, too.

    Once in a process: Prefect reads its settings at import, and the server is gone after the block. Prefect's part is
    done in FILE.d/prefect, so that it reads no settings of the current folder; ours travel by the environment.
    """
    atexit.register(close_stderr)
    home = Home.of(first.warehouse)
    home.prepare()
    with hold(home):
        pass  # where another run holds the warehouse, that is told now and not after Prefect's start
    if not first.engine.is_dask:
        skip_numpy_and_pandas()
    with prefect_server(home, first.settings, environment, listen, serving=False) as (server, folder):
        with chdir(folder):
            flows, flow_run = import_module("flows.refresh"), import_module("flows.scheduling.flow_run")
            if server is not None:
                server.wait_until_ready()
                server.leave_alone()

        def run(request: RunRequest, told: RunListener) -> RunResult:
            parameters = parameters_of(request)
            with chdir(folder):
                result: RunResult = flow_run.call_flow(flows.refresh, parameters, told)
            return result

        try:
            yield run
        finally:
            flow_run.flush()
