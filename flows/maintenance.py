"""The flows beside the refresh: backfill, rebuild, maintain."""

from pathlib import Path

from prefect import flow

from flows.pipeline import backfill as manifests
from flows.pipeline.request import RunResult, parameters_of
from flows.refresh import HOUR, refresh
from flows.scheduling.flow_run import ends_in_a_state, result_of, tell_hooks
from flows.settings import keeps_of, load_settings
from warehouse.clock import parse_moment
from warehouse.upkeep import operations


@flow(name="backfill", timeout_seconds=48 * HOUR, on_failure=[tell_hooks], on_crashed=[tell_hooks])
@ends_in_a_state
def backfill(
    manifest: str, name: str | None = None, warehouse: str | None = None, allow_shrink: bool = False
) -> RunResult | str:
    """Refresh from each folder of a manifest at its as-of, in order; what is recorded already is left out."""
    settings = load_settings()
    file = Path(warehouse or settings.warehouse)
    result: RunResult | str = "every as-of of the manifest is recorded"
    requests, _ = manifests.plan(Path(manifest), name, file, settings, allow_shrink=allow_shrink)
    for request in requests:
        result = result_of(refresh(**parameters_of(request), return_state=True))
    return result


@flow(name="rebuild", timeout_seconds=6 * HOUR, on_failure=[tell_hooks], on_crashed=[tell_hooks])
@ends_in_a_state
def rebuild(as_of: str, to: str, warehouse: str | None = None) -> str:
    """Build a release from the ledger for any time, into a file of its own; readers of the warehouse see nothing."""
    settings = load_settings()
    file = Path(warehouse or settings.warehouse)
    built = operations.build_as_of(file, parse_moment(as_of), Path(to), settings.build_memory)
    return f"built {built.release_id} in {to}"


@flow(name="maintain", timeout_seconds=2 * HOUR, on_failure=[tell_hooks], on_crashed=[tell_hooks])
@ends_in_a_state
def maintain(warehouse: str | None = None) -> str:
    """Compact the ledger and drop what is past its keep."""
    settings = load_settings()
    done = operations.maintain(Path(warehouse or settings.warehouse), settings.build_memory, **keeps_of(settings))
    return ", ".join(f"{name.replace('_', ' ')}: {value}" for name, value in done.items())
