"""`newsmart run` and `newsmart backfill`: start a run, show how it goes, say what it did."""

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from flows.clock import parse_moment
from flows.commands.common import print_json, say, warehouse_of, warn
from flows.commands.progress import Progress
from flows.engines.choice import choose_engine
from flows.runs.early import early_readers
from flows.runs.request import DoRun, OnEnd, RunRequest, RunResult
from flows.settings import Settings, load_settings, process_environment
from flows.sources.named import parse_sources
from schemas.errors import NewsmartError, UsageError

Starter = Callable[[RunRequest, Progress], RunResult]


def run(options: argparse.Namespace) -> int:
    """Do one run; print its summary, or one JSON object as the last line, also where it ends by an error."""
    settings = run_settings(options)
    request = run_request(options, settings)
    with (
        _failure_shown(options) as so_far,
        Progress.on_terminal(is_quiet=options.quiet) as progress,
        runner(request, is_direct=options.direct, on_end=so_far.append) as start,
    ):
        result = start(request, progress)
    show(options, result)
    return 0


@contextmanager
def _failure_shown(options: argparse.Namespace) -> Iterator[list[RunResult]]:
    """Yield a list for what a run tells at its end; where an error ends the block, its last is shown."""
    so_far: list[RunResult] = []
    try:
        yield so_far
    except Exception:
        if so_far:
            show(options, so_far[-1], has_failed=True)
            sys.stdout.flush()
        raise


def run_settings(options: argparse.Namespace) -> Settings:
    """Return the settings, with the options that stand for one put over them."""
    settings = load_settings()
    names = ("on_failure", "webhook", "workers", "engine", "dask_address")
    told = {name: getattr(options, name, None) for name in names}
    return replace(settings, **{name: value for name, value in told.items() if value is not None})


def run_request(options: argparse.Namespace, settings: Settings) -> RunRequest:
    """Return the request that the options make. Raises UsageError where they do not fit."""
    share = options.max_quarantine
    if share is None and settings.max_quarantine >= 0:
        share = settings.max_quarantine
    if share is not None and not 0 <= share <= 1:
        raise UsageError("--max-quarantine takes a share from 0 to 1", where=str(share))
    as_of = getattr(options, "as_of", None)
    return RunRequest(
        sources=parse_sources(options.source or [settings.source]),
        warehouse=warehouse_of(options, settings),
        as_of=None if as_of is None else parse_moment(as_of),
        full_refresh=getattr(options, "full_refresh", False),
        reparse=getattr(options, "reparse", False),
        max_quarantine=share,
        allow_shrink=options.allow_shrink,
        workers=settings.workers,
        engine=choose_engine(settings.engine, settings.dask_address),
        settings=settings,
    )


@contextmanager
def runner(first: RunRequest, *, is_direct: bool, on_end: OnEnd) -> Iterator[Starter]:
    """Yield what does a run, directly or as a Prefect flow run; a failure is told to the hooks of the settings.

    `on_end` is told what each run did that has begun, also where it ends by an error.
    """
    with _direct(first) if is_direct else _as_flow(first.warehouse) as start:

        def do(request: RunRequest, progress: Progress) -> RunResult:
            try:
                return start(request, progress.step, on_end)
            except NewsmartError as error:
                _tell_hooks(request, error)
                raise

        yield do


@contextmanager
def _direct(request: RunRequest) -> Iterator[DoRun]:
    """Yield a direct run; reading processes start before DuckDB is imported."""
    with early_readers(request) as readers:
        from flows.runs.pipeline import run_direct

        yield lambda request, on_step, on_end: run_direct(request, on_step, readers, on_end)


@contextmanager
def _as_flow(warehouse: Path) -> Iterator[DoRun]:
    from flows.scheduling.prefect_run import flow_runs

    with flow_runs(warehouse, process_environment()) as run_flow:
        yield run_flow


def _tell_hooks(request: RunRequest, error: NewsmartError) -> None:
    if request.settings.on_failure or request.settings.webhook:
        from flows.runs.hooks import notify_failure

        for warning in notify_failure(request.settings, request.warehouse, error):
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
    """Run over each folder of a manifest, at its as-of, in order."""
    from flows.runs.backfill import plan

    settings = run_settings(options)
    requests = plan(Path(options.manifest), options.name, warehouse_of(options, settings), settings)
    if not requests:
        say(options, "nothing to do: every as-of of the manifest is recorded")
        return 0
    with (
        _failure_shown(options) as so_far,
        Progress.on_terminal(is_quiet=True) as progress,
        runner(requests[0], is_direct=options.direct, on_end=so_far.append) as start,
    ):
        for request in requests:
            so_far.clear()
            show(options, start(request, progress))
    return 0
