"""`run` and `backfill`: make the request, start the run, show how it goes, print what it did."""

import argparse
import atexit
import sys
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager, suppress
from importlib import import_module
from itertools import chain
from pathlib import Path
from typing import Any

from flows.commands.output import Progress, print_result, say, settings_of, warn
from flows.pipeline.readers import readers_of
from flows.pipeline.request import PER_RUN, RunRequest, RunResult, balance_line, lines_of, parameters_of, request_of
from flows.process import close_stderr, skip_numpy_and_pandas
from flows.settings import readable_settings
from schemas.errors import LockedError
from warehouse.clock import as_text
from warehouse.home import Home
from warehouse.lock import hold
from warehouse.run_state import attempt, failed_run_id, status_of

Runner = Callable[[RunRequest], RunResult]
"""Does one run, directly or as a flow run."""


def run(options: argparse.Namespace) -> int:
    """Do one run; print its summary, or one JSON object as the last line, also where it ends by an error."""
    if options.dry_run:
        return _dry_run(options)
    with attempted(options):
        request = run_request(options)
        with _runner(options, request, is_quiet=options.quiet) as do_run:
            result = do_run(request)
        _print_run(options, result)
    return 0


def _dry_run(options: argparse.Namespace) -> int:
    """Print what a run would find; nothing is written but the lock. Raises the error by which a run would end."""
    request = run_request(options)
    with Progress.on_terminal(is_quiet=options.quiet) as progress, readers_of(request) as readers:
        from flows.pipeline.direct import dry_run

        found = dry_run(request, readers)
        progress.clear()
    for notice in found.result.notices:
        warn(notice)
    print_result(options, found.as_json(), [balance_line(found.result), *found.lines()])
    if found.error is not None:
        raise found.error
    return 0


def backfill(options: argparse.Namespace) -> int:
    """Run over each folder of a manifest, at its as-of, in order; print of each as-of what became of it."""
    from flows.pipeline.backfill import plan

    settings = settings_of(options)
    manifest, warehouse = Path(options.manifest), Path(settings.warehouse)
    requests, recorded = plan(manifest, options.name, warehouse, settings, allow_shrink=options.allow_shrink)
    for as_of, status in recorded:
        step = {"as_of": as_text(as_of), "outcome": f"recorded before, {status}"}
        print_result(options, step, ["{as_of}: {outcome}".format(**step)])
    if not requests:
        say(options, "nothing to do: every as-of of the manifest is recorded")
        return 0
    with _runner(options, requests[0], is_quiet=True) as do_run:
        for left, request in zip(reversed(range(len(requests))), requests, strict=True):
            try:
                with attempted(options):
                    result = do_run(request)
            except Exception:
                if left:
                    warn(f"the {left:,} later as-ofs of the manifest were not begun; the same backfill goes on")
                raise
            _print_run(options, result, outcome="taken in")
    return 0


@contextmanager
def attempted(options: argparse.Namespace) -> Iterator[None]:
    """Report an error that ends the block in state.json and to the hooks, even where the settings are what is wrong."""
    settings = readable_settings(vars(options))
    warehouse = Path(settings.warehouse)

    def call_hooks(error: Exception) -> None:
        from flows.pipeline.hooks import notify_failure

        run_id = None if isinstance(error, LockedError) else failed_run_id(Home.of(warehouse))
        for warning in notify_failure(settings, str(warehouse), status_of(error), str(error), run_id):
            warn(warning)

    with attempt(warehouse, call_hooks):
        yield


def run_request(options: argparse.Namespace) -> RunRequest:
    """Return the request that options and settings make. Raises UsageError where they do not fit."""
    given: dict[str, Any] = {name: value for name, value in vars(options).items() if name in PER_RUN}
    return request_of(settings_of(options), source=options.sources, **given)


@contextmanager
def _runner(options: argparse.Namespace, first: RunRequest, *, is_quiet: bool) -> Iterator[Runner]:
    """Yield what does a run, directly or as a Prefect flow run, and shows it; print what is known of one that fails."""
    with Progress.on_terminal(is_quiet=is_quiet) as progress:
        try:
            with _direct(first) if options.direct else _as_flow(first, progress) as do_run:

                def run_anew(request: RunRequest) -> RunResult:
                    progress.result = progress.error = None
                    try:
                        return do_run(request)
                    finally:
                        _tell_of_release(request, progress)

                yield run_anew
        except Exception:
            progress.clear()
            if progress.result is not None:
                _print_run(options, progress.result, has_failed=True)
                with suppress(OSError):  # lost output is reported at the end
                    sys.stdout.flush()
            raise


def _tell_of_release(request: RunRequest, progress: Progress) -> None:
    """Tell the hooks of the release that a run has published, if any, even where it then failed."""
    from flows.pipeline.hooks import notify_published

    release = None if progress.result is None else progress.result.release
    progress.clear()
    for warning in notify_published(request.settings, request.warehouse, release):
        warn(warning)


@contextmanager
def _direct(first: RunRequest) -> Iterator[Runner]:
    """Yield a direct run; reading processes start before DuckDB is imported."""
    with readers_of(first) as readers:
        from flows.pipeline.direct import run_direct

        yield lambda request: run_direct(request, readers)


@contextmanager
def _as_flow(first: RunRequest, progress: Progress) -> Iterator[Runner]:
    """Yield what does a run as a flow run, any number of times over one server.

    Once in a process: Prefect reads its settings at import, and the server is gone after the block. The server's
    process starts first, so that both import at the same time; Prefect's part is done in FILE.d/prefect, so that it
    reads no settings of the current folder.
    """
    progress.say("starting Prefect …")
    from flows.scheduling.server import listen, prefect_server

    atexit.register(close_stderr)
    home = Home.of(first.warehouse)
    home.prepare()
    with hold(home):
        pass  # where another run holds the warehouse, that is told now and not after Prefect's start
    if first.dask_address is None:
        skip_numpy_and_pandas()
    with prefect_server(home, first.settings, listen, serving=False) as (server, folder):
        with chdir(folder):
            refresh, flow_run = import_module("flows.refresh"), import_module("flows.scheduling.flow_run")
            if server is not None:
                server.wait_until_ready()
                server.leave_alone()

        def run(request: RunRequest) -> RunResult:
            parameters = parameters_of(request)
            with chdir(folder):
                result: RunResult = flow_run.call_flow(refresh.refresh, parameters, progress)
            return result

        try:
            yield run
        finally:
            flow_run.flush()


def _print_run(
    options: argparse.Namespace, result: RunResult, *, has_failed: bool = False, outcome: str | None = None
) -> None:
    for notice in result.notices:
        warn(notice)
    value, lines = result.as_json(), lines_of(result, has_failed=has_failed)
    if outcome is not None:
        value, lines = {**value, "outcome": outcome}, chain(lines, [f"{as_text(result.as_of)}: {outcome}"])
    print_result(options, value, lines)
