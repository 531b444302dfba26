"""The scheduler's talk with a Prefect server: the deployment, what is due, what is skipped, what is pruned.

Rejected: `flow.serve` and its Runner. It starts an interpreter for each run (3 s of CPU to import Prefect, so that
`--every 5` would keep a core busy with nothing), looks only every 10 s, and works off late runs one by one. A
concurrency limit of the deployment was rejected too: one thread runs the flows, the warehouse's lock does the rest,
and a server that dies in mid-run leaves the limit's slot taken, which would cancel all later runs.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import (
    ArtifactFilter,
    ArtifactFilterFlowRunId,
    DeploymentFilter,
    DeploymentFilterId,
    FlowRunFilter,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, StateType
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.client.schemas.sorting import FlowRunSort
from prefect.flows import Flow
from prefect.states import Cancelled, Crashed
from pydantic import ValidationError

from flows.scheduling.prefect_calls import SKIPPED
from flows.scheduling.serving import When
from schemas.errors import UsageError

PRUNE_BATCH = 200
LOOK_AHEAD = 50
HOUR = 3600.0


def schedule_of(when: When) -> CronSchedule | IntervalSchedule:
    """Return Prefect's schedule. Raises UsageError for a cron expression that is none."""
    if when.cron is None:
        return IntervalSchedule(interval=timedelta(seconds=when.every or HOUR), anchor_date=datetime.now(UTC))
    try:
        return CronSchedule(cron=when.cron, timezone="UTC")
    except ValidationError:
        todo = "five fields: minute hour day month weekday, such as '0 * * * *'"
        raise UsageError("not a cron expression", where=repr(when.cron), todo=todo) from None


def deploy(
    client: SyncPrefectClient, flow: Flow[..., Any], name: str, when: When, parameters: Mapping[str, Any]
) -> UUID:
    """Create or replace the deployment with its schedule, active. Out: its id."""
    deployment = client.create_deployment(
        flow_id=client.create_flow(flow),
        name=name,
        schedules=[DeploymentScheduleCreate(schedule=schedule_of(when), active=True)],
        parameters=dict(parameters),
        description="Started by `newsmart serve`, which must run for its runs to start.",
        tags=["newsmart"],
        paused=False,
    )
    client.resume_deployment(deployment)
    return deployment


def _deployment(identity: UUID) -> DeploymentFilter:
    return DeploymentFilter(id=DeploymentFilterId(any_=[identity]))


def _in_states(states: Sequence[StateType]) -> FlowRunFilter:
    return FlowRunFilter(state=FlowRunFilterState(type=FlowRunFilterStateType(any_=list(states))))


def scheduled(client: SyncPrefectClient, deployment: UUID) -> list[FlowRun]:
    """Return the deployment's runs that wait for their time or are past it, the earliest first."""
    return client.read_flow_runs(
        deployment_filter=_deployment(deployment),
        flow_run_filter=_in_states([StateType.SCHEDULED]),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=LOOK_AHEAD,
    )


def due_at(run: FlowRun) -> datetime:
    """Return when a run is due; one without a time is due now."""
    return run.next_scheduled_start_time or run.expected_start_time or datetime.now(UTC)


def skip(client: SyncPrefectClient, run: FlowRun, why: str) -> None:
    """End a run that was not started as Skipped."""
    client.set_flow_run_state(run.id, Cancelled(name=SKIPPED, message=why), force=True)


def crash_leftovers(client: SyncPrefectClient, deployment: UUID) -> int:
    """End the runs that a process before this one left running. Out: how many."""
    states = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
    left = client.read_flow_runs(deployment_filter=_deployment(deployment), flow_run_filter=_in_states(states))
    for run in left:
        client.set_flow_run_state(run.id, Crashed(message="its process ended before it did"), force=True)
    return len(left)


def prune(client: SyncPrefectClient, deployment: UUID, keep: int) -> int:
    """Delete the deployment's ended runs but the latest `keep`, with their artifacts, tasks and logs. Out: how many.

    The server deletes tasks and logs with their run, but leaves artifacts.
    """
    old = client.read_flow_runs(
        deployment_filter=_deployment(deployment),
        flow_run_filter=_in_states(sorted(TERMINAL_STATES)),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
        offset=keep,
        limit=PRUNE_BATCH,
    )
    if old:
        of_old = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[run.id for run in old]))
        while found := client.read_artifacts(artifact_filter=of_old, limit=PRUNE_BATCH):
            for artifact in found:
                client.delete_artifact(artifact.id)
    for run in old:
        client.delete_flow_run(run.id)
    return len(old)
