"""What a Prefect server is told of a served warehouse: deployments with their schedules, and what a crash left there.

A deployment's name is the warehouse's. On a server of ours there is no other, as its database lies in FILE.d; on a
shared server another warehouse may have the same path (in containers), so an identity kept in FILE.d is added.

No concurrency limit is set: the worker runs one flow after another, the warehouse's lock does the rest, and a server
that dies in mid-run leaves a limit's slot taken, which cancels all later runs (Prefect 3.8.8). Where somebody sets one
on the page, its slots are freed at start: serve.lock proves that nobody else serves.
"""

import asyncio
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas import filters
from prefect.client.schemas.actions import GlobalConcurrencyLimitUpdate
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.deployments.runner import RunnerDeployment
from prefect.exceptions import ObjectNotFound
from prefect.flows import Flow
from prefect.server.schemas.schedules import CronSchedule as ServerCronSchedule
from prefect.states import Cancelled, Crashed
from prefect.types.entrypoint import EntrypointType
from pydantic import ValidationError

from flows.pipeline.request import PER_RUN
from flows.scheduling.serving import When
from schemas.errors import UsageError

# Intervals count from here, not from the start of `serve`: restarted each night, `--every 86400` would never come.
ANCHOR = datetime(2024, 1, 1, tzinfo=UTC)
DESCRIPTION = "Started by `newsmart serve`, which must run for its runs to start."

log = logging.getLogger("newsmart.serve")


def deploy(
    client: SyncPrefectClient,
    flow: Flow[..., Any],
    name: str,
    when: When,
    parameters: Mapping[str, Any],
    *,
    keeps_pause: bool,
) -> UUID:
    """Create or replace a flow's deployment, paused only where it was and that is kept. Out: its id."""
    is_paused = False
    with suppress(ObjectNotFound):
        is_paused = keeps_pause and client.read_deployment_by_name(f"{flow.name}/{name}").paused
    made = flow.to_deployment(
        name,
        schedules=[schedule_of(when)],
        parameters=taken_by(flow, parameters),
        description=DESCRIPTION,
        tags=["newsmart"],
        paused=is_paused,
        entrypoint_type=EntrypointType.MODULE_PATH,
    )
    # Outside an event loop both are plain calls; their types leave that open.
    return cast(UUID, cast(RunnerDeployment, made).apply())


def taken_by(flow: Flow[..., Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that a flow has."""
    return {name: value for name, value in parameters.items() if name in flow.parameters.properties}


def served_parameters(flow: Flow[..., Any], asked: Mapping[str, Any], job: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a served run takes: its job's parameters, and of its own those alone that open no other place.

    Who may ask the API could else have any folder read and published, and any address dialled. A line tells of what is
    left out.
    """
    left_out = sorted(name for name in asked if name not in PER_RUN and asked[name] != job.get(name))
    if left_out:
        log.warning("a run asked for its own %s; what `newsmart serve` was told stays", ", ".join(left_out))
    return taken_by(flow, {**job, **{name: asked[name] for name in PER_RUN if name in asked}})


def schedule_of(when: When) -> CronSchedule | IntervalSchedule:
    """Return Prefect's schedule."""
    if when.cron is not None:
        return CronSchedule(cron=when.cron, timezone=when.timezone)
    return IntervalSchedule(interval=timedelta(seconds=when.spacing), anchor_date=ANCHOR)


def recover(client: SyncPrefectClient, deployment: UUID) -> Iterator[tuple[FlowRun, State[Any]]]:
    """End the runs that a process before this one left running, one after the other, then free the slots they held.

    Yields each run that was ended and how, so that nothing that fails afterwards keeps it from being told.
    """
    types = [StateType.RUNNING, StateType.PENDING, StateType.CANCELLING]
    left = client.read_flow_runs(
        deployment_filter=filters.DeploymentFilter(id=filters.DeploymentFilterId(any_=[deployment])),
        flow_run_filter=filters.FlowRunFilter(
            state=filters.FlowRunFilterState(type=filters.FlowRunFilterStateType(any_=types))
        ),
    )
    for run in left:
        yield run, end_run(client, run)
    limit = client.read_deployment(deployment).global_concurrency_limit
    if limit is not None:
        client.update_global_concurrency_limit(limit.name, GlobalConcurrencyLimitUpdate(active_slots=0))


def end_run(client: SyncPrefectClient, run: FlowRun) -> State[Any]:
    """End a run whose process has ended or is to end: as cancelled where that was asked for, else as crashed."""
    state: State[Any] = Crashed(message="its process ended before it did")
    if run.state is not None and run.state.type is StateType.CANCELLING:
        state = Cancelled(message="cancelled while it ran")
    client.set_flow_run_state(run.id, state, force=True)
    return state


def main() -> None:
    """Print the seconds between the next two times of a cron expression. Arguments: it, and a time zone's name.

    A program of its own, so that `newsmart serve` imports no Prefect. Prefect's reading of the expression is asked, as
    a parser of ours would read `0 0 * * 7` otherwise sooner or later.
    """
    try:
        sys.stdout.write(f"{spacing(*sys.argv[1:3])}\n")
    except UsageError as error:
        sys.stderr.write(str(error))
        sys.exit(error.exit_status)


def spacing(cron: str, timezone: str) -> float:
    """Return the seconds between the next two times. Raises UsageError for no expression, no zone, or no time."""
    try:
        ZoneInfo(timezone)
    except (ValueError, OSError, LookupError):
        raise UsageError("no such time zone", where=repr(timezone), todo="such as Europe/Berlin") from None
    try:
        schedule = ServerCronSchedule(cron=cron, timezone=timezone)
    except ValidationError:
        todo = "five fields: minute hour day month weekday, such as '0 * * * *'"
        raise UsageError("not a cron expression", where=repr(cron), todo=todo) from None
    dates: list[datetime] = []
    with suppress(ValueError):  # croniter's error where there is none for decades
        dates = list(asyncio.run(schedule.get_dates(n=2)))
    if len(dates) < 2:  # Prefect itself would take it and wait for ever
        raise UsageError("the cron expression never comes", where=repr(cron), todo="name a day that there is")
    return (dates[1] - dates[0]).total_seconds()
