"""`newsmart run` and `newsmart backfill`: start a run, show how it goes, say what it did."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from flows.commands.common import print_json, say, warehouse_of, warn
from flows.commands.progress import Progress
from flows.pipeline.direct_readers import direct_readers
from flows.pipeline.request import DoRun, RunRequest, RunResult, request_of
from flows.settings import Settings, load_settings, process_environment, readable_settings
from schemas.errors import LockedError
from warehouse.clock import as_text
from warehouse.home import Home
from warehouse.run_state import attempt, failed_run_id


def run(options: argparse.Namespace) -> int:
    """Do one run; print its summary, or one JSON object as the last line, also where it ends by an error."""
    with attempted(options):
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    settings = run_settings(options)
    request = run_request(options, settings)
    with (
        Progress.on_terminal(is_quiet=options.quiet) as progress,
        _failure_shown(options, progress),
        runner(request, progress, is_direct=options.direct) as start,
    ):
        result = start(request)
    show(options, result)
    return 0


@contextmanager
def attempted(options: argparse.Namespace) -> Iterator[None]:
    """Tell what ends the block by an error in state.json and to the hooks, though the settings may be what is wrong."""
    settings = _with_options(options, readable_settings())
    warehouse = warehouse_of(options, settings)
    with attempt(warehouse, partial(_tell_hooks, settings, warehouse)):
        yield


@contextmanager
def _failure_shown(options: argparse.Namespace, progress: Progress) -> Iterator[None]:
    """Show what the run told of its end, where an error ends the block."""
    try:
        yield
    except Exception:
        progress.clear()
        if progress.result is not None:
            show(options, progress.result, has_failed=True)
            with suppress(OSError):  # told at the end
                sys.stdout.flush()
        raise


def run_settings(options: argparse.Namespace) -> Settings:
    """Return the settings, with the options that stand for one put over them."""
    return _with_options(options, load_settings())


def _with_options(options: argparse.Namespace, settings: Settings) -> Settings:
    names = ("on_failure", "webhook", "workers", "engine", "dask_address")
    told = {name: getattr(options, name, None) for name in names}
    return replace(settings, **{name: value for name, value in told.items() if value is not None})


def run_request(options: argparse.Namespace, settings: Settings) -> RunRequest:
    """Return the request that the options make. Raises UsageError where they do not fit."""
    return request_of(
        settings,
        source=options.source,
        warehouse=warehouse_of(options, settings),
        as_of=getattr(options, "as_of", None),
        max_quarantine=options.max_quarantine,
        full_refresh=getattr(options, "full_refresh", False),
        reparse=getattr(options, "reparse", False),
        allow_shrink=options.allow_shrink,
    )


@contextmanager
def runner(first: RunRequest, progress: Progress, *, is_direct: bool) -> Iterator[DoRun]:
    """Yield what does a run, directly or as a Prefect flow run."""
    with _direct(first) if is_direct else _as_flow(first, progress) as start:
        yield start


@contextmanager
def _direct(request: RunRequest) -> Iterator[DoRun]:
    """Yield a direct run; reading processes start before DuckDB is imported."""
    with direct_readers(request) as readers:
        from flows.pipeline.direct import run_direct

        yield lambda request: run_direct(request, readers)


@contextmanager
def _as_flow(first: RunRequest, progress: Progress) -> Iterator[DoRun]:
    progress.say("starting Prefect …")
    from flows.scheduling.run import flow_runs

    with flow_runs(first, process_environment()) as run_flow:
        yield lambda request: run_flow(request, progress)


def _tell_hooks(settings: Settings, warehouse: Path, error: Exception) -> None:
    if settings.on_failure or settings.webhook:
        from flows.pipeline.hooks import notify_failure

        run_id = None if isinstance(error, LockedError) else failed_run_id(Home.of(warehouse))
        for warning in notify_failure(settings, warehouse, error, run_id):
            warn(warning)


def show(options: argparse.Namespace, result: RunResult, *, has_failed: bool = False) -> None:
    """Print what a run did, or what is known of one that failed."""
    for notice in result.notices:
        warn(notice)
    if options.json:
        print_json(result.as_json())
    else:
        for line in summary(result, has_failed=has_failed):
            say(options, line)


def summary(result: RunResult, *, has_failed: bool = False) -> list[str]:
    """Return the lines that tell a run: the balance, the content, where it is; of a failed one what is known."""
    lines = [_balance(result)] if result.documents else []
    if result.quarantine_entries:
        lines.append(f"{result.quarantine_entries:,} problems in quarantine; `newsmart quarantine` explains them")
    if result.changes.notices:
        lines.append(f"{result.changes.notices:,} notices; `newsmart quarantine --notices` lists them")
    if result.published:
        change = result.changes
        lines.append(
            f"published {result.mentions:,} mentions of {result.articles:,} articles "
            f"({change.added:,} added, {change.changed:,} changed, {change.departed:,} departed) "
            f"in {result.seconds['total']:.2f} s"
        )
        lines.append(f"release {_short(str(result.release))}")
    elif not has_failed:
        lines.append(f"nothing to publish: the release is up to date ({result.seconds['total']:.2f} s)")
    return lines


def _balance(result: RunResult) -> str:
    counts = result.documents
    classes = ", ".join(
        f"{counts[name]:,} {name}" for name in ("new", "changed", "touched", "unchanged", "quarantined")
    )
    return f"{result.run_id}: {counts['seen']:,} documents seen = {classes}; {counts['removed']:,} removed"


def _short(path: str) -> str:
    """Return a path relative to the current folder where it lies in it, else as it is."""
    here = Path.cwd()
    return str(Path(path).relative_to(here)) if Path(path).is_relative_to(here) else path


def backfill(options: argparse.Namespace) -> int:
    """Run over each folder of a manifest, at its as-of, in order; tell of each as-of what became of it."""
    from flows.pipeline.backfill import plan, recorded_before

    settings = run_settings(options)
    manifest, warehouse = Path(options.manifest), warehouse_of(options, settings)
    limits = {"max_quarantine": options.max_quarantine, "allow_shrink": options.allow_shrink}
    requests = plan(manifest, options.name, warehouse, settings, **limits)
    for as_of, status in recorded_before(manifest, warehouse):
        _tell_step(options, {"as_of": as_text(as_of), "outcome": f"recorded before, {status}"})
    if not requests:
        say(options, "nothing to do: every as-of of the manifest is recorded")
        return 0
    with (
        Progress.on_terminal(is_quiet=True) as progress,
        _failure_shown(options, progress),
        runner(requests[0], progress, is_direct=options.direct) as start,
    ):
        for number, request in enumerate(requests, 1):
            progress.forget()
            with attempted(options), _rest_told(len(requests) - number):
                result = start(request)
            _show_step(options, result)
    return 0


@contextmanager
def _rest_told(left: int) -> Iterator[None]:
    """Say of an error that ends the block how many steps are not begun because of it."""
    try:
        yield
    except Exception:
        if left:
            warn(f"the {left:,} later as-ofs of the manifest were not begun; the same backfill goes on from this one")
        raise


def _show_step(options: argparse.Namespace, result: RunResult) -> None:
    if options.json:
        for notice in result.notices:
            warn(notice)
        print_json({**result.as_json(), "outcome": "taken in"})
        return
    show(options, result)
    _tell_step(options, {"as_of": as_text(result.as_of), "outcome": "taken in"})


def _tell_step(options: argparse.Namespace, step: Mapping[str, object]) -> None:
    if options.json:
        print_json(step)
    else:
        say(options, f"{step['as_of']}: {step['outcome']}")
