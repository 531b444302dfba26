"""`newsmart serve`: a schedule, with Prefect's server and page, in one command."""

import argparse

from flows.commands.run import run_request, run_settings
from flows.settings import process_environment


def serve(options: argparse.Namespace) -> int:
    """Serve until told to stop."""
    from flows.serve import serve as serve_until_stopped

    settings = run_settings(options)
    return serve_until_stopped(
        run_request(options, settings),
        cron=options.cron,
        every=options.every,
        timezone=options.timezone,
        port=options.port,
        environment=process_environment(),
        quiet=options.quiet,
        now=options.now,
    )
