"""What a Prefect server is told of a served warehouse: its work pool, its deployments, and what a crash left there.

A deployment's name is the warehouse's. On a server of ours there is no other, as its database lies in FILE.d; on one
that is shared, two warehouses may lie at one path (in containers), so that an identity kept in FILE.d goes with it.

No concurrency limit is set: the worker runs one flow after another, the warehouse's lock does the rest, and a server
that dies in mid-run leaves a limit's slot taken, which cancels all later runs (Prefect 3.8.8). Where somebody sets one
on the page, its slots are freed at start: serve.lock proves that nobody else serves.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate, WorkPoolCreate
from prefect.client.schemas.filters import (
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, StateType
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectAlreadyExists
from prefect.flows import Flow
from prefect.states import Crashed
from prefect.types.entrypoint import EntrypointType

from flows.scheduling.serving import When

# Intervals count from here, not from the start of `serve`: restarted each night, `--every 86400` would never come.
ANCHOR = datetime(2024, 1, 1, tzinfo=UTC)
MAINTAIN = When(cron="30 3 * * 0", spacing=7 * 86_400)
DESCRIPTION = "Started by `newsmart serve`, which must run for its runs to start."


def schedule_of(when: When) -> CronSchedule | IntervalSchedule:
    """Return Prefect's schedule."""
    if when.cron is not None:
        return CronSchedule(cron=when.cron, timezone=when.timezone)
    return IntervalSchedule(interval=timedelta(seconds=when.spacing), anchor_date=ANCHOR)


def make_pool(client: SyncPrefectClient, name: str, kind: str, template: dict[str, Any]) -> None:
    """Make the work pool, where there is none of the name."""
    try:
        client.create_work_pool(WorkPoolCreate(name=name, type=kind, base_job_template=template))
    except ObjectAlreadyExists:
        return


def deploy(flow: Flow[..., Any], name: str, pool: str, when: When, parameters: Mapping[str, Any]) -> UUID:
    """Create or replace a flow's deployment with its schedule, active. Out: its id."""
    made = flow.to_deployment(
        name,
        schedules=[schedule_of(when)],
        parameters=dict(parameters),
        description=DESCRIPTION,
        tags=["newsmart"],
        paused=False,
        work_pool_name=pool,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    # Outside an event loop both are plain calls; their types leave that open.
    return cast(UUID, cast(RunnerDeployment, made).apply())


def recover(client: SyncPrefectClient, deployment: UUID) -> int:
    """End the runs that a process before this one left running, and free the slots that they held. Out: how many."""
    left = _runs(client, deployment, StateType.RUNNING, StateType.PENDING, StateType.CANCELLING)
    for run in left:
        client.set_flow_run_state(run.id, Crashed(message="its process ended before it did"), force=True)
    limit = client.read_deployment(deployment).global_concurrency_limit
    if limit is not None:
        client.update_global_concurrency_limit(limit.name, GlobalConcurrencyLimitUpdate(active_slots=0))
    return len(left)


def next_due(client: SyncPrefectClient, deployment: UUID) -> datetime | None:
    """Return when the deployment's next run is due; None where none is scheduled."""
    now = datetime.now(UTC)
    due = [run.expected_start_time for run in _runs(client, deployment, StateType.SCHEDULED)]
    return min((at for at in due if at is not None and at > now), default=None)


def _runs(client: SyncPrefectClient, deployment: UUID, *states: StateType) -> list[FlowRun]:
    return client.read_flow_runs(
        deployment_filter=DeploymentFilter(id=DeploymentFilterId(any_=[deployment])),
        flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states)))),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=50,
    )
