"""Batches as Prefect's tasks on Dask's workers, by Prefect's own DaskTaskRunner.

The runner is opened by the step that reads and not by the flow: a run that has nothing to read starts no cluster, a
step that is tried again gets a new client, and a flow that a deployment starts can be told of the cluster by its
parameters. A batch is a task, never a document, and its parameter is bytes, which Prefect does not look through.

A task asks Prefect's server before it begins, and fails where it cannot. The server of `newsmart run` and `serve` is
on loopback, which the workers of a cluster elsewhere cannot reach: they get the batches without Prefect.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context

from distributed import LocalCluster
from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.settings import PREFECT_API_URL
from prefect_dask.task_runners import DaskTaskRunner

from flows.readers import dask_cluster
from flows.readers.dask_cluster import Answer, Cluster, Pending


@task(name="read batch", task_run_name="read batch", cache_policy=NO_CACHE, persist_result=False)
def read_batch_task(versions: str, message: bytes) -> Answer:
    """Read a batch on the worker that this runs on."""
    return dask_cluster.read_on_worker(versions, message)


def can_reach(address: str, api_url: str | None) -> bool:
    """Tell whether the workers of a cluster can reach Prefect's server, as far as the addresses tell."""
    loopback = re.compile(r"\w+://(localhost|127\.[0-9.]+|\[::1\])(:|/|$)")
    is_here = not address or loopback.match(address)
    return api_url is not None and bool(is_here or not loopback.match(api_url))


@contextmanager
def task_cluster(address: str, processes: int, context: Context) -> Iterator[Cluster]:
    """Open the cluster for a step of a flow run, its batches as tasks of the flow run.

    In: the flow's own context, without the step that reads: Prefect sends the context along, and the step's holds an
    open connection, which no other process can have. Raises TransientFailure where the cluster is not there.
    """
    if not can_reach(address, PREFECT_API_URL.value()):
        with dask_cluster.direct_cluster(address, processes) as direct:
            yield direct
        return
    with dask_cluster.cluster_target(address, processes) as target:
        given = {"cluster": target} if isinstance(target, LocalCluster) else {"address": target}
        with (
            DaskTaskRunner(client_kwargs=dask_cluster.CLIENT_OPTIONS, **given) as runner,
            dask_cluster.connected(address, lambda: runner.client) as client,
        ):

            def submit(message: bytes) -> Pending:
                parameters = {"versions": dask_cluster.versions_here(), "message": message}
                future = context.run(runner.submit, read_batch_task, parameters)
                return Pending(future.result, future.wrapped_future)

            yield Cluster(client, submit)
