"""The Prefect flows: refresh, backfill, rebuild, maintain. Thin: what they do is told by the functions they call.

A flow's parameters are small, plain and free of secrets, as the server keeps and shows them. Its end is a state that
says in one line what came of it; our own errors end it without a traceback, and a warehouse that is held ends it as
Skipped, which is no failure. Flows themselves never retry: a step does, where its error's class says so, and a failed
audit would only fail again.

A timeout raises in the step that runs: its transaction is rolled back and the lock let go, and the next run goes on
from there. In the main thread it breaks into a query too (as DuckDB's "Query interrupted", so that the state is Failed
and not TimedOut); elsewhere it waits for the query's end, so that `flows.scheduling.prefect_executor` ends an overdue
process.
"""

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.clock import parse_moment
from flows.engines.choice import choose_engine
from flows.runs import backfill as manifests
from flows.runs import ledger_work
from flows.runs.attempt import attempt
from flows.runs.request import RunRequest
from flows.scheduling.prefect_calls import (
    conclude,
    current_call,
    in_words,
    run_as_tasks,
    scheduled_at,
    tell_hooks,
    told,
)
from flows.sources.named import parse_sources

HOUR = 3600
REFRESH_SECONDS = 6 * HOUR
BACKFILL_SECONDS = 48 * HOUR
REBUILD_SECONDS = 6 * HOUR
MAINTAIN_SECONDS = 2 * HOUR


@flow(name="refresh", timeout_seconds=REFRESH_SECONDS, on_failure=[tell_hooks], on_crashed=[tell_hooks])
def refresh(
    source: list[str] | None = None,
    warehouse: str | None = None,
    as_of: str | None = None,
    full_refresh: bool = False,
    reparse: bool = False,
    max_quarantine: float | None = None,
    allow_shrink: bool = False,
    workers: int | None = None,
    engine: str | None = None,
    dask_address: str | None = None,
) -> State[Any]:
    """Take in the sources and publish a release; the parameters are the options of `newsmart run`."""
    call = current_call()

    def request() -> RunRequest:
        defaults = call.settings
        limit = defaults.max_quarantine if defaults.max_quarantine >= 0 else None
        return RunRequest(
            sources=parse_sources(source or [defaults.source]),
            warehouse=Path(warehouse or defaults.warehouse),
            as_of=None if as_of is None else parse_moment(as_of),
            scheduled_at=scheduled_at(),
            full_refresh=full_refresh,
            reparse=reparse,
            max_quarantine=limit if max_quarantine is None else max_quarantine,
            allow_shrink=allow_shrink,
            workers=defaults.workers if workers is None else workers,
            engine=choose_engine(
                defaults.engine if engine is None else engine,
                defaults.dask_address if dask_address is None else dask_address,
            ),
            settings=defaults,
        )

    def work() -> str:
        with attempt(Path(warehouse or call.settings.warehouse)):
            return told(run_as_tasks(call.request or request(), call))

    return conclude(call, work)


@flow(name="backfill", timeout_seconds=BACKFILL_SECONDS, on_failure=[tell_hooks], on_crashed=[tell_hooks])
def backfill(manifest: str, name: str | None = None, warehouse: str | None = None) -> State[Any]:
    """Run over each folder of a manifest at its as-of, in order; what is recorded already is left out."""
    call = current_call()
    file = Path(warehouse or call.settings.warehouse)

    def work() -> str:
        requests = manifests.plan(Path(manifest), name, file, call.settings)
        lines = [one_step(request) for request in requests]
        return lines[-1] if lines else "every as-of of the manifest is recorded"

    def one_step(request: RunRequest) -> str:
        with attempt(file):
            return told(run_as_tasks(request, call))

    return conclude(call, work)


@flow(name="rebuild", timeout_seconds=REBUILD_SECONDS, on_failure=[tell_hooks], on_crashed=[tell_hooks])
def rebuild(as_of: str, to: str, warehouse: str | None = None) -> State[Any]:
    """Build a release from the ledger for any time, into a file of its own; readers of the warehouse see nothing."""
    call = current_call()
    file = Path(warehouse or call.settings.warehouse)

    def work() -> str:
        built = ledger_work.build_as_of(file, parse_moment(as_of), Path(to), call.settings)
        return f"built {built.release_id} in {to}"

    return conclude(call, work)


@flow(name="maintain", timeout_seconds=MAINTAIN_SECONDS, on_failure=[tell_hooks], on_crashed=[tell_hooks])
def maintain(warehouse: str | None = None) -> State[Any]:
    """Compact the ledger and drop what is past its keep."""
    call = current_call()
    file = Path(warehouse or call.settings.warehouse)
    return conclude(call, lambda: in_words(ledger_work.maintain(file, call.settings)))
