"""The flows beside the refresh: backfill, rebuild, maintain."""

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.pipeline import backfill as manifests
from flows.refresh import HOUR, parameters_of, refresh, result_of
from flows.scheduling.ends import ending, tell_hooks
from flows.settings import load_settings
from warehouse.clock import parse_moment
from warehouse.upkeep import operations

BACKFILL_SECONDS = 48 * HOUR
REBUILD_SECONDS = 6 * HOUR
MAINTAIN_SECONDS = 2 * HOUR


@flow(name="backfill", timeout_seconds=BACKFILL_SECONDS, on_failure=[tell_hooks], on_crashed=[tell_hooks])
def backfill(
    manifest: str, name: str | None = None, warehouse: str | None = None, allow_shrink: bool = False
) -> State[Any]:
    """Refresh from each folder of a manifest at its as-of, in order; what is recorded already is left out."""
    with ending() as end:
        end.result = "every as-of of the manifest is recorded"
        settings = load_settings()
        file = Path(warehouse or settings.warehouse)
        for request in manifests.plan(Path(manifest), name, file, settings, allow_shrink=allow_shrink):
            end.result = result_of(refresh(**parameters_of(request), return_state=True))
    return end.state()


@flow(name="rebuild", timeout_seconds=REBUILD_SECONDS, on_failure=[tell_hooks], on_crashed=[tell_hooks])
def rebuild(as_of: str, to: str, warehouse: str | None = None) -> State[Any]:
    """Build a release from the ledger for any time, into a file of its own; readers of the warehouse see nothing."""
    with ending() as end:
        settings = load_settings()
        file = Path(warehouse or settings.warehouse)
        built = operations.build_as_of(file, parse_moment(as_of), Path(to), settings.build_memory)
        end.result = f"built {built.release_id} in {to}"
    return end.state()


@flow(name="maintain", timeout_seconds=MAINTAIN_SECONDS, on_failure=[tell_hooks], on_crashed=[tell_hooks])
def maintain(warehouse: str | None = None) -> State[Any]:
    """Compact the ledger and drop what is past its keep."""
    with ending() as end:
        settings = load_settings()
        end.result = operations.maintain(
            Path(warehouse or settings.warehouse),
            settings.build_memory,
            keep_releases=settings.keep_releases,
            keep_runs=settings.keep_runs,
            keep_quarantine_days=settings.keep_quarantine_days,
            keep_raw_days=settings.keep_raw_days,
        )
    return end.state()
